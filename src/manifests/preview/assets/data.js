"use strict";

/* Loads the data: scripts that call `preview.take`, as `file:` lets a page read nothing else. */
const preview = (() => {
  const here = new URL(".", document.currentScript.src).href;
  const taken = new Map();
  const asked = new Map();

  /* No text of upstream's can ever become an address of a script, or markup. */
  const check = (name) => {
    if (!/^[a-z0-9]+-(lists|models)-[0-9]+$/.test(name)) throw new TypeError("no data: " + name);
    return here + name + ".js";
  };
  const policy = globalThis.trustedTypes
    ? globalThis.trustedTypes.createPolicy("preview", { createScriptURL: check })
    : { createScriptURL: check };

  function load(name) {
    if (!asked.has(name)) {
      asked.set(name, new Promise((resolve, reject) => {
        const script = document.createElement("script");
        script.src = policy.createScriptURL(name);
        script.onload = () => taken.has(name) ? resolve(taken.get(name)) : reject(new Error(name));
        script.onerror = () => reject(new Error(name));
        document.head.append(script);
      }));
      asked.get(name).catch(() => asked.delete(name));
    }
    return asked.get(name);
  }

  const named = (fields, row) =>
    Object.fromEntries(fields.map((field, place) => [field, row[place] ?? null]));

  const index = () => taken.get("index");

  /* All lists of a source; those that menus lead to are also found by what they choose. */
  function sections() {
    return index().sources.map((source) => {
      const listings = source.listings.map((row, number) => {
        const listing = named(index().listingFields, row);
        const short = listing.path.replace(/^filter\//, "");
        return {
          ...listing,
          number,
          short,
          label: listing.label ?? short.replaceAll("/", " / "),
          file: `${source.prefix}-${listing.path.replaceAll("/", "-")}.json`,
        };
      });
      return {
        ...source,
        listings,
        byPath: new Map(listings.map((each) => [each.short, each])),
        byChoice: new Map(listings.filter((each) => each.choice)
          .map((each) => [each.choice.join(), each])),
      };
    });
  }

  /* The models of a list, in its order; files that others have loaded are not loaded again. */
  async function models(section, listing) {
    const lists = index().listingsInAFile;
    const size = index().modelsInAFile;
    const file = await load(`${section.name}-lists-${Math.floor(listing.number / lists)}`);
    const numbers = file[listing.number % lists];
    const places = [...new Set(numbers.map((number) => Math.floor(number / size)))];
    const files = new Map(await Promise.all(places.map(
      async (place) => [place, await load(`${section.name}-models-${place}`)],
    )));
    return numbers.map((number, rank) => ({
      ...named(index().modelFields, files.get(Math.floor(number / size))[number % size]),
      rank: rank + 1,
    }));
  }

  return { index, models, sections, take: (name, value) => { taken.set(name, value); } };
})();
