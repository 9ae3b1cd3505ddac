/* The frames of the page: columns that are unpacked when somebody asks for them. */
const listing = { head: null, bytes: null, body: 0, decoded: new Map(), loading: null };

/* Resolves when columns can be read; false where the report holds no frames. */
function openListing() {
  listing.loading = listing.loading || (async () => {
    const text = byId("frames-data").textContent.trim();
    if (!text) return false;
    listing.bytes = new Uint8Array(await unpacked(text));
    const view = new DataView(listing.bytes.buffer);
    const length = view.getUint32(0, true);
    listing.head = JSON.parse(new TextDecoder().decode(listing.bytes.subarray(4, 4 + length)));
    listing.body = 4 + length;
    return listing.head.count > 0;
  })();
  return listing.loading;
}

/* Numbers that were written as steps, lowest octets first. */
function numbersOf({ at, count, width }) {
  const found = new Float64Array(count);
  const start = listing.body + at;
  const sign = width < 8 ? 2 ** (8 * width) : 0;
  let total = 0;
  for (let place = 0; place < count; place += 1) {
    let step = 0;
    if (width === 8) {
      let [low, high] = [0, 0];
      for (let octet = 3; octet >= 0; octet -= 1) {
        low = low * 256 + listing.bytes[start + octet * count + place];
        high = high * 256 + listing.bytes[start + (octet + 4) * count + place];
      }
      step = (high >= 2 ** 31 ? high - 2 ** 32 : high) * 2 ** 32 + low;
    } else {
      for (let octet = width - 1; octet >= 0; octet -= 1) step = step * 256 + listing.bytes[start + octet * count + place];
      if (step >= sign / 2) step -= sign;
    }
    total += step;
    found[place] = total;
  }
  return found;
}

/* One column: at(row) gives the values of the frame, [] where it has none. */
function columnOf(name) {
  if (listing.decoded.has(name)) return listing.decoded.get(name);
  const packed = listing.head.columns[name];
  const column = packed ? madeColumn(packed) : null;
  listing.decoded.set(name, column);
  return column;
}

function madeColumn(packed) {
  const numbers = numbersOf(packed);
  let places = null;
  if (packed.rows !== null) {
    places = new Int32Array(listing.head.count).fill(-1);
    numbersOf(listing.head.sets[packed.rows]).forEach((row, place) => { places[row] = place; });
  }
  const values = packed.values;
  const at = (row) => {
    const place = places ? places[row] : row;
    return place < 0 ? [] : values ? values[numbers[place]] : [numbers[place]];
  };
  return { at, numbers, places };
}

/* What one frame has of a field that has a column; the first value, or null. */
function valueAt(name, row) {
  const column = columnOf(name);
  const values = column ? column.at(row) : [];
  return values.length ? values[0] : null;
}

/* The row of a frame, by its number; -1 where it is not listed. */
function rowOfFrame(number) {
  const { numbers } = columnOf("frame.number");
  let [low, high] = [0, numbers.length - 1];
  while (low <= high) {
    const middle = (low + high) >> 1;
    if (numbers[middle] === number) return middle;
    if (numbers[middle] < number) low = middle + 1;
    else high = middle - 1;
  }
  return -1;
}
