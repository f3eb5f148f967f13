/* Returns the texts of a page whose contrast is below 4.5 to 1, that of WCAG AA. */
() => {
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const rgba = (color) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const over = (top, under) =>
    top.slice(0, 3).map((part, place) => (part * top[3] + under[place] * (255 - top[3])) / 255);
  const linear = (part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  const luminance = (color) => {
    const [red, green, blue] = color.map((part) => linear(part / 255));
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const ground = (node) =>
    node ? over(rgba(getComputedStyle(node).backgroundColor), ground(node.parentElement)) : [255, 255, 255];
  const speaks = (node) => [...node.childNodes].some((each) => each.nodeType === 3 && each.data.trim());
  const unseen = "option, :disabled, noscript, .skip";
  return [...document.querySelectorAll("body *")]
    .filter((node) => speaks(node) && node.checkVisibility() && !node.closest(unseen))
    .map((node) => {
      const under = ground(node);
      const pair = [luminance(over(rgba(getComputedStyle(node).color), under)), luminance(under)];
      return [(Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05), node.outerHTML.slice(0, 120)];
    })
    .filter(([ratio]) => ratio < 4.5);
}
