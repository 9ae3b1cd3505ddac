/* What stands behind # in the address: `key=value` pairs with & between them. Each view owns its keys and leaves the
   others as they are. */
const fragment = {
  read() {
    const found = new Map();
    for (const pair of location.hash.slice(1).split("&")) {
      const at = pair.indexOf("=");
      if (at > 0) found.set(fragment.plain(pair.slice(0, at)), fragment.plain(pair.slice(at + 1)));
    }
    return found;
  },
  plain(text) {
    try { return decodeURIComponent(text); } catch { return text; }
  },
  /* The fragment with these changes; null takes a key out. */
  with(changes) {
    const pairs = fragment.read();
    for (const [key, value] of Object.entries(changes)) {
      if (value === null) pairs.delete(key);
      else pairs.set(key, String(value));
    }
    return "#" + [...pairs].map(([key, value]) => `${encodeURIComponent(key)}=${encodeURIComponent(value)}`).join("&");
  },
  write(changes) {
    const there = fragment.with(changes);
    if (there !== location.hash && (there !== "#" || location.hash.includes("="))) history.replaceState(null, "", there);
  },
};
