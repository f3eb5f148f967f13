"use strict";

/* Writes counts, sizes and times as people read them. */
const words = (() => {
  const whole = new Intl.NumberFormat("en");
  const brief = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
  const day = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium" });
  const moment = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "short" });
  const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
  const steps = [["second", 60], ["minute", 60], ["hour", 24], ["day", 30], ["month", 12]];

  const counted = (count, noun) => `${whole.format(count)} ${noun}${count === 1 ? "" : "s"}`;

  function size(bytes) {
    const units = ["B", "kB", "MB", "GB", "TB"];
    let power = 0;
    let left = bytes;
    while (left >= 999.5 && power < units.length - 1) {
      left /= 1000;
      power += 1;
    }
    return `${left < 9.95 && power ? left.toFixed(1) : Math.round(left)} ${units[power]}`;
  }

  const valid = (text) => !Number.isNaN(Date.parse(text));

  function ago(text) {
    let left = (Date.parse(text) - Date.now()) / 1000;
    for (const [unit, length] of steps) {
      if (Math.abs(left) < length) return relative.format(Math.round(left), unit);
      left /= length;
    }
    return relative.format(Math.round(left), "year");
  }

  return {
    ago,
    brief: (count) => brief.format(count),
    counted,
    day: (text) => valid(text) ? day.format(new Date(text)) : text,
    moment: (text) => valid(text) ? moment.format(new Date(text)) : text,
    size,
    valid,
    whole: (count) => whole.format(count),
  };
})();
