/* Unpacks the script of the page and runs it: the policy in the head allows these two by their hashes, and no other. */
"use strict";
(async () => {
  const binary = atob(document.getElementById("code").textContent.trim());
  const packed = Uint8Array.from(binary, (character) => character.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  const script = document.createElement("script");
  script.textContent = await new Response(stream).text();
  document.body.append(script);
  script.remove();
})();
