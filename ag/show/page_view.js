// ---- layout: layers along the way from the inputs, each ordered by what it hangs on (Sugiyama et al. 1981)

const HIGH = 70;
let wide = 148;

function layersOf() {
    const layer = new Map(), layers = [], chains = new Map();
    for (const n of order) if (!isLeaf(n)) layer.set(n.node, 1 + Math.max(0, ...inputsOf(n).map(i => layer.get(i.node) || 0)));
    for (const n of order) if (isLeaf(n)) {
        const users = order.filter(u => inputsOf(u).some(i => i.node === n.node)).map(u => layer.get(u.node));
        layer.set(n.node, users.length ? Math.min(...users) - 1 : 0);
    }
    const put = (item, at) => { (layers[at] = layers[at] || []).push(item); return item; };
    const items = new Map(order.map(n => [n.node, put({ node: n.node, next: [], before: [], size: 1 }, layer.get(n.node))]));
    for (const n of order) inputsOf(n).forEach((input, k) => { // an edge over several layers gets a place in each
        let from = items.get(input.node);
        if (!from) return;
        const chain = [from];
        for (let at = layer.get(input.node) + 1; at <= layer.get(n.node); at++) {
            const to = at === layer.get(n.node) ? items.get(n.node) : put({ next: [], before: [], size: .35 }, at);
            from.next.push(to);
            to.before.push(from);
            chain.push(from = to);
        }
        chains.set(`${n.node}:${k}`, chain);
    });
    return { layers: layers.filter(Boolean), items, chains };
}

const average = list => list.reduce((sum, i) => sum + i.at, 0) / list.length;

function spread(layer) { // what overlaps is moved apart, the middle staying where it is
    const wanted = layer.map(i => i.at);
    for (let k = 1; k < layer.length; k++) layer[k].at = Math.max(layer[k].at, layer[k - 1].at + (layer[k].size + layer[k - 1].size) / 2);
    const shift = layer.reduce((sum, i, k) => sum + wanted[k] - i.at, 0) / layer.length;
    for (const i of layer) i.at += shift;
}

function layout() {
    const graph = layersOf();
    for (const layer of graph.layers) layer.forEach((i, k) => { i.at = k - layer.length / 2; });
    for (let sweep = 0; sweep < 12; sweep++) {
        const down = sweep % 2 === 0, side = down ? "before" : "next";
        for (const layer of down ? graph.layers : [...graph.layers].reverse()) {
            for (const i of layer) if (i[side].length) i.at = average(i[side]);
            layer.sort((p, q) => p.at - q.at);
            spread(layer);
        }
    }
    const low = Math.min(...graph.layers.flat().map(i => i.at - i.size / 2));
    graph.layers.forEach((layer, depth) => { for (const i of layer) { i.depth = depth; i.at -= low; } });
    graph.breadth = Math.max(...graph.layers.flat().map(i => i.at + i.size / 2));
    return graph;
}
const placed = layout();

// ---- drawing

const svgElement = (tag, attributes, ...children) => {
    const e = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [k, v] of Object.entries(attributes)) e.setAttribute(k, v);
    e.append(...children);
    return e;
};
const element = (tag, attributes, ...children) => {
    const e = document.createElement(tag);
    for (const [k, v] of Object.entries(attributes)) e.setAttribute(k, v);
    e.append(...children);
    return e;
};
const shortened = (text, most) => [...text].length > most ? [...text].slice(0, most - 1).join("") + "…" : text;
const graph = byId("graph"), drawnNodes = new Map(), drawnEdges = new Map();
let upright; // the layers from top to bottom, on narrow screens

const placeOf = i => upright ? { x: i.at * (wide + 14) + 4, y: i.depth * (HIGH + 58) + HIGH / 2 + 8 } : { x: i.depth * (wide + 60) + wide / 2 + 8, y: i.at * (HIGH + 26) + 4 };

function pathOf(chain, backward) { // with room for the arrow's head where it points
    const points = chain.map(placeOf), half = upright ? HIGH / 2 : wide / 2;
    const first = { ...points[0] }, last = { ...points[points.length - 1] };
    const axis = upright ? "y" : "x";
    first[axis] += half + (backward ? 9 : 0);
    last[axis] -= half + (backward ? 0 : 7);
    points[0] = first;
    points[points.length - 1] = last;
    let d = `M${first.x} ${first.y}`;
    for (let k = 1; k < points.length; k++) {
        const p = points[k - 1], q = points[k], m = upright ? (p.y + q.y) / 2 : (p.x + q.x) / 2;
        d += upright ? ` C${p.x} ${m} ${q.x} ${m} ${q.x} ${q.y}` : ` C${m} ${p.y} ${m} ${q.y} ${q.x} ${q.y}`;
    }
    const a = points[points.length - 2], b = last, t = points.length > 2 ? .35 : .45;
    return { d, x: a.x + (b.x - a.x) * t, y: a.y + (b.y - a.y) * t };
}

function drawEdge(n, k) {
    const chain = placed.chains.get(`${n.node}:${k}`);
    if (!chain) return;
    const way = pathOf(chain), twins = inputsOf(n).filter((i, at) => at < k && i.node === inputsOf(n)[k].node).length; // x x: two edges
    const path = svgElement("path", { d: way.d, class: "edge", "marker-end": "url(#arrow)", transform: twins ? `translate(0 ${12 * twins})` : "" });
    const text = svgElement("text", { x: way.x, y: way.y + 4 + 16 * twins, class: "local", "text-anchor": "middle" });
    graph.append(path);
    drawnEdges.set(`${n.node}:${k}`, { path, text, forward: way.d, backward: pathOf(chain, true).d });
}

function drawNode(n) {
    const at = placeOf(placed.items.get(n.node)), leaf = isLeaf(n);
    const group = svgElement("g", { class: "node", tabindex: 0, role: "button", transform: `translate(${at.x - wide / 2} ${at.y - HIGH / 2})` });
    const value = svgElement("text", { x: wide / 2, y: 42, "text-anchor": "middle" }), gradient = svgElement("text", { x: wide / 2, y: 60, "text-anchor": "middle", class: "gradient" });
    const name = svgElement("text", { x: wide / 2, y: 22, "text-anchor": "middle" }, svgElement("tspan", { class: "name" }, shortened(label(n.node), Math.floor(wide / (leaf ? 9 : 15)))));
    if (!leaf) name.append(svgElement("tspan", { class: "op" }, ` = ${shortened(n.op, Math.floor(wide / 13))}`));
    group.append(svgElement("rect", { class: "box", width: wide, height: HIGH, rx: leaf ? 4 : 20 }), name, value, gradient);
    group.addEventListener("click", () => choose(n.node));
    group.addEventListener("keydown", e => { if (e.key === "Enter" || e.key === " ") { e.preventDefault(); choose(n.node); } });
    for (const type of ["mouseenter", "focus"]) group.addEventListener(type, () => showTip(n, group));
    for (const type of ["mouseleave", "blur"]) group.addEventListener(type, () => { byId("tip").hidden = true; });
    graph.append(group);
    drawnNodes.set(n.node, { group, value, gradient });
}

function drawAll() {
    upright = innerWidth < 700;
    wide = upright ? 116 : 148;
    const along = placed.layers.length, w = upright ? placed.breadth * (wide + 14) + 12 : along * (wide + 60) - 60 + 20, h = upright ? along * (HIGH + 58) - 58 + 16 : placed.breadth * (HIGH + 26) + 12;
    const room = byId("scroll").clientWidth || w, width = Math.max(Math.min(room, 1.35 * w), Math.min(w, .85 * w));
    graph.replaceChildren(svgElement("defs", {}, svgElement("marker", { id: "arrow", viewBox: "0 0 8 8", refX: 2, refY: 4, markerWidth: 8, markerHeight: 8, markerUnits: "userSpaceOnUse", orient: "auto-start-reverse" }, svgElement("path", { d: "M0 0 8 4 0 8z", fill: "context-stroke" }))));
    graph.setAttribute("viewBox", upright ? `-4 0 ${w} ${h}` : `0 0 ${w} ${h}`);
    graph.setAttribute("width", width);
    graph.setAttribute("height", width * h / w);
    drawnNodes.clear();
    drawnEdges.clear();
    for (const n of order) inputsOf(n).forEach((input, k) => drawEdge(n, k));
    for (const n of order) drawNode(n);
    for (const { text } of drawnEdges.values()) graph.append(text);
    show();
}
