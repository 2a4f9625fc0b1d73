// The explorer: stored tables to play with. No library and no server; the data stand in the page.
"use strict";
document.addEventListener("DOMContentLoaded", () => {
  const source = document.getElementById("explorer-data");
  if (!source) return;
  const { networks, paper } = JSON.parse(source.textContent);
  if (!networks.length) return;

  const SETS = ["unpermuted", "permuted", "restored", "test"];
  const MEASURES = { capacity: "capacity α", radius: "radius R", dimension: "dimension D" };
  const DATASETS = { cifar100: "CIFAR-100", digits: "handwritten digits" };
  const TREATMENTS = { absent: "no batch norm", carried: "carried with the layer", "re-estimated": "re-estimated" };
  const SVG = "http://www.w3.org/2000/svg";

  // Elements ------------------------------------------------------------------

  function fill(node, attributes, children) {
    for (const [name, value] of Object.entries(attributes || {})) {
      if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
      else if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value);
    }
    node.append(...children.flat().filter((child) => child !== null && child !== undefined));
    return node;
  }
  const html = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);
  const svg = (tag, attributes, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);

  const show = (root, ...children) => { root.replaceChildren(); fill(root, {}, children); };
  let ids = 0;
  // A slider with its label and the name of its place; `set(value)` moves it, `limit(n)` changes its end.
  function slider(label, name, changed) {
    const id = `explorer-${ids++}`;
    const place = html("output", { for: id });
    const input = html("input", { type: "range", id, min: 0, step: 1, oninput: () => { tell(); changed(); } });
    const tell = () => {
      place.textContent = name(+input.value);
      input.setAttribute("aria-valuetext", place.textContent);
    };
    const set = (value) => { input.value = value; tell(); };
    const limit = (count, value) => { input.max = count - 1; set(Math.min(value, count - 1)); };
    return { node: html("div", { class: "control" }, html("label", { for: id }, label), input, place), input, set, limit };
  }
  // Radio buttons drawn as one row of buttons.
  function choice(label, options, value, changed) {
    const name = `explorer-${ids++}`;
    const buttons = Object.entries(options).map(([key, text]) => html("label", {},
      html("input", { type: "radio", name, value: key, checked: key === value ? "" : null, onchange: () => changed(key) }),
      html("span", {}, text)));
    return html("fieldset", { class: "control choice" }, html("legend", {}, label), buttons);
  }

  // Numbers -------------------------------------------------------------------

  const round = (value, digits) => (value === null || value === undefined ? "undefined" : value.toFixed(digits));
  const digitsOf = { capacity: 4, radius: 3, dimension: 1, accuracy: 3 };
  const withSpread = (mean, std, digits) => round(mean, digits) + (std === null || std === undefined ? "" : ` ± ${round(std, digits)}`);
  const spanned = (list) => (list.length > 1 ? `${list[0]}–${list[list.length - 1]}` : `${list[0]}`);
  function stopName(stop) {
    const epochs = spanned(stop.epochs);
    if (stop.key === "best") return `best epoch (${epochs})`;
    if (stop.key === "early") return `last epoch before memorization (${epochs})`;
    if (stop.stage === "last") return `last epoch (${epochs})`;
    return epochs === "0" ? "untrained (0)" : epochs;
  }
  const stageOf = (stop) => (stop.key === "best" ? "best" : stop.stage);
  function steps(low, high, count) { // about `count` round numbers between two values
    const raw = (high - low) / count, power = 10 ** Math.floor(Math.log10(raw));
    const step = [1, 2, 5, 10].map((s) => s * power).find((s) => s >= raw);
    const found = [];
    for (let value = Math.ceil(low / step) * step; value <= high + step * 1e-6; value += step) found.push(+value.toPrecision(6));
    return found;
  }

  // Charts --------------------------------------------------------------------

  // Lines with bands of one standard deviation. series: [{set, points: [[x, y, sd]], dashed}]; cursor: an x;
  // picked(x): called with the nearest integer under the pointer.
  function chart(box, { series, x, y, xLabel, yLabel, label, cursor, picked, height = 300 }) {
    const width = Math.max(260, box.clientWidth), left = 58, right = 12, top = 10, bottom = 44;
    const px = (v) => left + ((v - x[0]) / (x[1] - x[0] || 1)) * (width - left - right);
    const py = (v) => height - bottom - ((v - y[0]) / (y[1] - y[0] || 1)) * (height - top - bottom);
    const path = (points) => points.map(([a, b], i) => `${i ? "L" : "M"}${px(a).toFixed(1)} ${py(b).toFixed(1)}`).join("");
    const node = svg("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": label });
    for (const tick of steps(y[0], y[1], 5)) node.append(
      svg("line", { class: "grid", x1: left, x2: width - right, y1: py(tick), y2: py(tick) }),
      svg("text", { x: left - 8, y: py(tick) + 4, "text-anchor": "end" }, String(tick)));
    for (const tick of steps(x[0], x[1], Math.min(10, width / 60)).filter(Number.isInteger)) node.append(
      svg("text", { x: px(tick), y: height - bottom + 18, "text-anchor": "middle" }, String(tick)));
    node.append(svg("line", { class: "axis", x1: left, x2: width - right, y1: height - bottom, y2: height - bottom }),
      svg("text", { x: (left + width - right) / 2, y: height - 6, "text-anchor": "middle" }, xLabel),
      svg("text", { transform: `translate(14 ${(top + height - bottom) / 2}) rotate(-90)`, "text-anchor": "middle" }, yLabel));
    if (cursor !== undefined) node.append(svg("line", { class: "cursor", x1: px(cursor), x2: px(cursor), y1: top, y2: height - bottom }));
    for (const { set, points, dashed } of series) {
      const known = points.filter((point) => point[1] !== null);
      const wide = known.filter((point) => point[2] !== null && point[2] !== undefined);
      if (wide.length && !dashed) node.append(svg("path", { class: `band ${set}`,
        d: path([...wide.map(([a, b, sd]) => [a, b + sd]), ...wide.map(([a, b, sd]) => [a, b - sd]).reverse()]) + "Z" }));
      node.append(svg("path", { class: `line ${set}${dashed ? " paper" : ""}`, d: path(known) }));
      if (known.length < 40) for (const [a, b] of known) node.append(mark(set, px(a), py(b), dashed));
    }
    if (picked) node.addEventListener("pointermove", (event) => {
      const scale = width / node.getBoundingClientRect().width;
      const at = x[0] + ((event.offsetX * scale - left) / (width - left - right)) * (x[1] - x[0]);
      picked(Math.max(x[0], Math.min(x[1], Math.round(at))));
    });
    box.replaceChildren(node);
  }
  // A set has its own shape besides its colour; the paper's are hollow.
  function mark(set, a, b, hollow = false, size = 3.5) {
    const shapes = { unpermuted: `M${a - size} ${b}a${size} ${size} 0 1 0 ${2 * size} 0a${size} ${size} 0 1 0 ${-2 * size} 0`,
      permuted: `M${a - size} ${b - size}h${2 * size}v${2 * size}h${-2 * size}Z`,
      restored: `M${a} ${b - size - 1}L${a + size} ${b + size}H${a - size}Z`,
      test: `M${a} ${b - size - 1}L${a + size + 1} ${b}L${a} ${b + size + 1}L${a - size - 1} ${b}Z` };
    return svg("path", { class: `mark ${set}${hollow ? " paper" : ""}`, d: shapes[set] });
  }
  function legend(sets, notes = []) {
    return html("p", { class: "legend" }, sets.map((set) => html("span", {},
      svg("svg", { width: 14, height: 14, "aria-hidden": "true" }, mark(set, 7, 7)), set)), notes.map((note) => html("span", {}, note)));
  }
  function range(values, pad = 0.06) {
    const known = values.filter((value) => value !== null && value !== undefined);
    const low = Math.min(...known), high = Math.max(...known), extra = (high - low || 1) * pad;
    return [low - extra, high + extra];
  }
  const readout = () => html("p", { class: "readout", "aria-live": "polite" });

  // Which network -------------------------------------------------------------

  const state = { network: 0, measure: "capacity", paper: true, stage: "last", direction: "last", treatment: null };
  const network = () => networks[state.network];
  const nameOf = (of) => {
    const seeds = (of.layer_memorization || of.rewinding).seeds;
    return `${of.network.replace("vgg16", "VGG-16")} on ${DATASETS[of.dataset] || of.dataset}, ` +
      `${of.batch_norm ? "with" : "no"} batch norm (preset ${of.preset}, seed${seeds.length > 1 ? "s" : ""} ${spanned(seeds)})`;
  };
  const parts = [];
  const refresh = () => parts.forEach((part) => part());
  const head = document.getElementById("explore-network");
  if (head) {
    const select = html("select", { id: "explorer-network", onchange: () => { state.network = +select.value; refresh(); } },
      networks.map((of, i) => html("option", { value: i }, nameOf(of))));
    head.append(html("div", { class: "control" }, html("label", { for: "explorer-network" }, "network"), select));
  }
  // A part that is drawn anew for another network, and again when the window changes.
  function part(id, section, build) {
    const root = document.getElementById(id);
    if (!root) return;
    let draw = () => {};
    const make = () => {
      const data = network()[section];
      draw = () => {};
      if (data) draw = build(root, data);
      else root.replaceChildren(html("p", {}, "Of this network no such table is stored."));
      draw();
    };
    parts.push(make);
    make();
    let width = window.innerWidth;
    window.addEventListener("resize", () => { if (width !== window.innerWidth) { width = window.innerWidth; draw(); } });
  }

  // (a) depth and epoch ---------------------------------------------------------

  part("explore-depth", "layer_memorization", (root, data) => {
    const box = html("div", { class: "plot" }), small = html("div", { class: "plot" }), said = readout();
    const epoch = slider("epoch", (i) => stopName(data.stops[i]), () => draw());
    const depth = slider("depth", (i) => `${i} (${data.layers[i]})`, () => draw());
    epoch.limit(data.stops.length, data.stops.length - 1);
    depth.limit(data.layers.length, data.layers.length - 1);
    epoch.input.dataset.testid = "epoch";
    const likeThePapers = network().network === "vgg16"; // depths are comparable by number for its network alone
    const overlay = html("input", { type: "checkbox", checked: state.paper ? "" : null, onchange: () => { state.paper = overlay.checked; draw(); } });
    const overlaid = () => likeThePapers && state.paper;
    const notes = html("div");
    show(root, choice("measure", MEASURES, state.measure, (key) => { state.measure = key; draw(); }),
      epoch.node, depth.node, likeThePapers ? html("label", { class: "control" }, overlay, " the paper’s Fig. 3 over it (best and last epoch)") : null,
      notes, box, said, small);
    const draw = () => {
      const stop = data.stops[+epoch.input.value], at = +epoch.input.value, where = +depth.input.value;
      const grid = data.geometry[state.measure], theirs = (overlaid() && (paper[state.measure] || {})[stageOf(stop)]) || {};
      const sets = SETS.filter((set) => grid[set]);
      const series = sets.map((set) => ({ set, points: grid[set].mean[at].map((v, i) => [i, v, grid[set].std[at][i]]) }));
      const curves = Object.entries(theirs).map(([set, points]) => ({ set, points, dashed: true }));
      const all = sets.flatMap((set) => grid[set].mean.flatMap((line, i) => (i || data.stops.length === 1 ? line : line.slice(0, -1))));
      const reach = overlaid() ? Object.values(paper[state.measure]).flatMap((of) => Object.values(of).flatMap((line) => line.map((p) => p[1]))) : [];
      const now = sets.flatMap((set) => grid[set].mean[at]);
      const deepest = Math.max(data.layers.length - 1, ...curves.flatMap((c) => c.points.map((p) => p[0])));
      notes.replaceChildren(legend(sets, curves.length ? ["hollow, dashed: the paper"] : []));
      chart(box, { series: [...series, ...curves], x: [0, deepest], y: range([...all, ...now, ...reach]), xLabel: "depth",
        yLabel: MEASURES[state.measure], cursor: where, picked: (i) => { if (i < data.layers.length && i !== +depth.input.value) { depth.set(i); draw(); } },
        label: `${MEASURES[state.measure]} by depth at ${stopName(stop)}` });
      const digits = digitsOf[state.measure];
      const values = sets.map((set) => {
        const hit = (theirs[set] || []).find((point) => point[0] === where);
        return `${set} ${withSpread(grid[set].mean[at][where], grid[set].std[at][where], digits)}` + (hit ? ` (paper ${round(hit[1], digits)})` : "");
      });
      said.textContent = `${MEASURES[state.measure]} at depth ${where} (${data.layers[where]}), ${stopName(stop)}: ${values.join(", ")}.`;
      const epochs = data.accuracy.epochs;
      chart(small, { height: 190, x: [0, epochs[epochs.length - 1]], y: [0, 1.02], xLabel: "epoch", yLabel: "accuracy", cursor: stop.at,
        label: "accuracy of the four example sets over the epochs",
        series: SETS.filter((set) => data.accuracy[set]).map((set) => ({ set, points: data.accuracy[set].mean[0].map((v, i) => [epochs[i], v, data.accuracy[set].std[0][i]]) })) });
    };
    return draw;
  });

  // (b) clouds --------------------------------------------------------------------

  part("explore-clouds", "layer_memorization", (root, data) => {
    const panels = html("div", { class: "panels" }), said = readout();
    const stages = Object.fromEntries(["best", "last"].filter((stage) => data.clouds[stage]).map((stage) => [stage, `${stage} epoch`]));
    if (!Object.keys(stages).length) { root.replaceChildren(html("p", {}, "Of this network no clouds are stored.")); return () => {}; }
    if (!stages[state.stage]) state.stage = Object.keys(stages)[0];
    root.replaceChildren(choice("epoch", stages, state.stage, (key) => { state.stage = key; draw(); }), panels, said);
    const draw = () => {
      const clouds = data.clouds[state.stage], side = 220;
      panels.replaceChildren(...SETS.filter((set) => clouds[set]).map((set) => {
        const flat = clouds[set].points.flat(2), reach = 1.08 * Math.max(...flat.map(Math.abs));
        const to = (v) => ((v / reach + 1) * side) / 2;
        const dots = clouds[set].points.flatMap((cloud, i) => cloud.map(([a, b]) => {
          const dot = mark(SETS[i % 4], to(a), side - to(b), false, 2.6);
          dot.setAttribute("class", `mark class-${i}`);
          return dot;
        }));
        return html("figure", {}, svg("svg", { viewBox: `0 0 ${side} ${side}`, role: "img", "aria-label": `three classes of ${set} examples in a plane, ${state.stage} epoch` }, dots),
          html("figcaption", {}, `${set}: ${(100 * clouds[set].explained).toFixed(0)} % of the variance`));
      }));
      said.textContent = `Layer ${data.clouds.layer}, ${state.stage} epoch, seed ${data.seeds[0]}: three classes, each with its shape and colour, in the plane of most of their variance. Each panel has its own plane and scale.`;
    };
    return draw;
  });

  // (c) rewind it yourself --------------------------------------------------------

  part("explore-rewinding", "rewinding", (root) => {
    // The same preset with and without batch norm, so that the two stand side by side.
    const kinds = {};
    for (const of of networks.filter((other) => other.preset === network().preset && other.rewinding))
      for (const kind of Object.keys(of.rewinding.accuracy)) kinds[kind] = of.rewinding;
    if (!kinds[state.treatment]) state.treatment = Object.keys(network().rewinding.accuracy)[0];
    const data = () => kinds[state.treatment];
    const kindOf = (kind) => (kind === "absent" ? "" : "batch norm ") + (TREATMENTS[kind] || kind);
    const boxes = { test: html("div", { class: "plot" }), permuted: html("div", { class: "plot" }) }, strip = html("div", { class: "strip", "aria-hidden": "true" }), said = readout(), bars = html("div", { class: "bars" });
    const options = Object.fromEntries(Object.keys(kinds).map((kind) => [kind, TREATMENTS[kind] || kind]));
    const which = slider("layers", (i) => (state.direction === "single" ? data().layers[i] : `${state.direction} ${i + 1} of ${data().layers.length}`), () => draw());
    const epoch = slider("rewound to", (i) => stopName(data().stops[i]), () => draw());
    which.input.dataset.testid = "layers";
    const limits = () => { which.limit(data().layers.length, +which.input.value); epoch.limit(data().stops.length, +epoch.input.value); };
    which.input.max = epoch.input.max = 99;
    which.input.value = Math.floor(data().layers.length / 3);
    epoch.input.value = data().stops.findIndex((stop) => stop.key === "best") + 0 || 0;
    limits();
    root.replaceChildren(
      choice("which", { last: "the last layers", first: "the first layers", single: "one layer alone" }, state.direction, (key) => { state.direction = key; limits(); draw(); }),
      which.node, epoch.node, choice("batch norm", options, state.treatment, (key) => { state.treatment = key; limits(); draw(); }),
      strip, said, bars, html("div", { class: "pair" }, Object.values(boxes)));
    const rewound = (n) => (state.direction === "single" ? data().layers[n] : n + 1 === data().layers.length ? "all" : `${state.direction} ${n + 1}`);
    const draw = () => {
      const { layers, names, stops, accuracy } = data(), n = +which.input.value, at = +epoch.input.value, grid = accuracy[state.treatment];
      const value = (set, name) => { const i = names.indexOf(name); return [grid[set].mean[at][i], grid[set].std[at][i]]; };
      const chosen = (i) => (state.direction === "single" ? i === n : state.direction === "first" ? i <= n : i >= layers.length - 1 - n);
      strip.replaceChildren(...layers.map((layer, i) => html("span", { class: chosen(i) ? "rewound" : null, title: layer })));
      const sets = ["test", "permuted"].filter((set) => grid[set]);
      const text = sets.map((set) => `${set} accuracy ${withSpread(...value(set, rewound(n)), 3)} (trained network ${round(value(set, "none")[0], 3)})`);
      const words = state.direction === "single" ? `${layers[n]} alone` : `the ${which.node.querySelector("output").textContent} layers`;
      said.textContent = `With ${words} rewound to ${stopName(stops[at])}, ${kindOf(state.treatment)}: ${text.join("; ")}.`;
      bars.replaceChildren(...sets.map((set) => html("div", { class: "bar" }, html("span", {}, set),
        html("div", { class: "track" }, html("div", { class: `fill ${set}`, style: `width:${100 * value(set, rewound(n))[0]}%` }),
          html("i", { style: `left:${100 * value(set, "none")[0]}%`, title: "trained network" })),
        html("b", {}, round(value(set, rewound(n))[0], 3)))));
      const line = (set) => layers.map((_, i) => [i + 1, ...value(set, rewound(i))]);
      const start = state.direction === "single" ? [] : [0];
      const step = (i) => { if (i >= 1 && i - 1 !== +which.input.value) { which.set(i - 1); draw(); } };
      for (const set of sets) {
        const points = [...start.map(() => [0, ...value(set, "none")]), ...line(set)];
        chart(boxes[set], { series: [{ set, points }], x: [start.length ? 0 : 1, layers.length], y: [0, range([0, ...points.map((p) => p[1])])[1]],
          cursor: n + 1, xLabel: state.direction === "single" ? "layer, in order of depth" : `how many of the ${state.direction} layers`,
          yLabel: `${set} accuracy`, height: 240, picked: step, label: `${set} accuracy against the layers rewound` });
      }
    };
    return draw;
  });
});
