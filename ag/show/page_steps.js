// ---- what is shown at a step

function gradientText(n, x) { // as long as its box allows
    const v = format(Number(x.toPrecision(n.value !== undefined ? 6 : 3))), whole = `${derivative(n.node)} = ${v}`;
    return n.value !== undefined && 7.2 * whole.length < wide - 8 ? whole : `gradient ${format(Number(x.toPrecision(upright ? 3 : 4)))}`;
}

function showNode(n, gradients, computedNodes) {
    const { group, value, gradient } = drawnNodes.get(n.node), known = isLeaf(n) || computedNodes.has(n.node);
    const text = known ? n.value !== undefined ? format(now.values.get(n.node)) : `${shapeOf(n)} ${format(Number(now.values.get(n.node).toPrecision(3)))}` : "?";
    const g = gradients.has(n.node) ? gradientText(n, gradients.get(n.node)) : "";
    value.textContent = text;
    gradient.textContent = g;
    group.setAttribute("class", ["node", n.gradient_flows ? "flows" : "", n.node === y ? "result" : "", known ? "" : "unknown"].join(" "));
    group.setAttribute("aria-label", `${label(n.node)}, ${n.op}, ${known ? `value ${valueText(n)}` : "not computed yet"}${g ? `, gradient ${format(gradients.get(n.node))}` : ""}`);
}

function showEdges(s, locals, on) {
    for (const [key, { path, text, ...ways }] of drawnEdges) {
        const [node, k] = key.split(":").map(Number), step = s.kind === "backward" && s.step.from === node && s.step.operand === k;
        const forward = s.kind === "forward" && s.node === node, backward = step || on.has(key);
        path.setAttribute("class", `edge${backward ? " on-backward" : forward ? " on-forward" : ""}`);
        path.setAttribute("d", backward ? ways.backward : ways.forward);
        path.setAttribute(backward ? "marker-start" : "marker-end", "url(#arrow)");
        path.removeAttribute(backward ? "marker-end" : "marker-start");
        const by = locals.get(key), seen = by !== undefined && (s.kind === "backward" || s.kind === "seed" || on.size);
        text.textContent = seen ? format(by) : "";
        text.setAttribute("class", `local${backward ? " on" : ""}`);
    }
}

function show(on = new Set()) {
    const s = stages[stage], words = wordsOf(stage), gradients = gradientsAt(stage);
    const done = new Set(stages.slice(0, stage + 1).filter(e => e.kind === "forward").map(e => e.node));
    for (const n of order) showNode(n, gradients, done);
    showEdges(s, localsOf(now), on);
    const active = s.kind === "backward" ? [s.step.from, s.step.to] : s.node !== undefined ? [s.node] : [];
    for (const id of active) if (drawnNodes.has(id)) drawnNodes.get(id).group.classList.add(s.kind === "forward" ? "now-forward" : "now-backward");
    const kind = s.kind === "seed" ? "backward" : s.kind === "start" ? "forward" : s.kind;
    byId("step").replaceChildren(element("p", {}, element("span", { class: `badge ${kind}` }, words.title)), ...words.lines.map(l => element("p", { class: "math" }, l)), element("p", { class: "note" }, words.note || ""));
    byId("count").textContent = `step ${stage} of ${stages.length - 1}`;
    byId("progress").max = stages.length - 1;
    byId("progress").value = stage;
    byId("progress").setAttribute("aria-valuetext", `step ${stage}: ${words.lines.join("; ")}`);
    for (const id of ["first", "back"]) byId(id).disabled = stage === 0;
    for (const id of ["next", "last"]) byId(id).disabled = stage === stages.length - 1;
}

function go(to) {
    stage = Math.min(Math.max(to, 0), stages.length - 1);
    show();
    const id = stages[stage].node, drawn = drawnNodes.get(id), box = byId("scroll");
    if (drawn && (box.scrollWidth > box.clientWidth || box.scrollHeight > box.clientHeight)) {
        const r = drawn.group.getBoundingClientRect(), b = box.getBoundingClientRect();
        box.scrollBy(r.left + r.width / 2 - b.left - b.width / 2, r.top + r.height / 2 - b.top - b.height / 2);
    }
}

// ---- routes, inputs, what is shown of a node under the pointer

let chosen = (order.find(n => isLeaf(n) && n.gradient_flows) || { node: y }).node;

function choose(id) {
    if (nodes.get(id).gradient_flows) { chosen = id; showRoutes(); }
}

function showRoutes() {
    const card = byId("routes"), options = order.filter(n => n.gradient_flows);
    card.replaceChildren(element("h2", {}, `Routes to ${label(y)}`));
    if (!options.length) return card.append(element("p", { class: "note" }, "No gradient flows here."));
    const select = element("select", { id: "from", "aria-label": "from which node" }, ...options.map(n => element("option", { value: n.node }, label(n.node))));
    select.value = chosen;
    select.addEventListener("change", () => { choose(Number(select.value)); byId("from").focus(); });
    card.append(element("div", { class: "field" }, element("label", { for: "from" }, "from"), select));
    const r = routesTo(chosen, 50);
    if (r.list.some(edges => edges.some(e => e.local === undefined)) || data.limited)
        return card.append(element("p", { class: "note" }, data.limited ? "The graph is too large to follow here: see ag_explain_routes." : `${r.count === 1n ? "One route leads" : r.count + " routes lead"} through arrays: ag_explain_element lists those between two elements.`));
    const list = element("ol", {});
    for (const edges of r.list) {
        const text = `${[y, ...edges.map(e => e.to)].map(label).join(" ← ")}: ${productText(edges)}${edges.length > 1 ? " = " + format(productOf(edges)) : ""}`;
        const button = element("button", {}, text), keys = new Set(edges.map(e => `${e.from}:${e.operand}`));
        for (const type of ["mouseenter", "focus"]) button.addEventListener(type, () => show(keys));
        for (const type of ["mouseleave", "blur"]) button.addEventListener(type, () => show());
        list.append(element("li", {}, button));
    }
    card.append(list);
    if (r.count > BigInt(r.list.length)) card.append(element("p", { class: "note" }, `and ${r.count - BigInt(r.list.length)} more, which are in the sum`));
    card.append(element("p", { class: "math backward", id: "sum" }, r.count ? sumText(chosen, r) : ""), element("p", { class: "note" }, "Multiply the edges of a route, add the routes."));
}

function edit(id, value) {
    leaves.set(id, value);
    now = computed(leaves);
    edited = true;
    stages = stagesOf(now);
    stage = Math.min(stage, stages.length - 1);
    show();
    showRoutes();
}

function showInputs() {
    const card = byId("inputs"), list = order.filter(isLeaf);
    card.replaceChildren(element("h2", {}, "Inputs"));
    if (fixed) return card.append(element("p", { class: "note" }, `They cannot be changed: ${fixed}.`));
    for (const n of list) {
        const input = element("input", { type: "number", step: "any", id: `input${n.node}`, value: n.value });
        input.addEventListener("input", () => { if (input.value !== "" && Number.isFinite(input.valueAsNumber)) edit(n.node, input.valueAsNumber); });
        card.append(element("div", { class: "field" }, element("label", { for: `input${n.node}` }, `${label(n.node)} (${n.op})`), input));
    }
    const reset = element("button", {}, "As they were");
    reset.addEventListener("click", () => {
        leaves = new Map(list.map(n => [n.node, n.value]));
        now = given;
        edited = false;
        stages = stagesOf(now);
        showInputs();
        show();
        showRoutes();
    });
    card.append(reset, element("p", { class: "note" }, "Change one: all values, derivatives and routes follow."));
}

function showTip(n, group) {
    const tip = byId("tip"), s = gradientsAt(stages.length - 1), f = FORMULAS[n.op], rows = [["op", n.op]];
    if (!isLeaf(n) && n.formula) rows.push(["formula", n.formula]);
    if (f && !isLeaf(n)) rows.push(["derivative", f.derivative]);
    rows.push(n.value !== undefined ? ["value", String(now.values.get(n.node))] : ["shape", shapeOf(n)]);
    if (n.norm !== undefined) rows.push(["norm", String(n.norm)]);
    if (n.values) rows.push(["elements", n.values.map(format).join(", ")]);
    if (s.has(n.node)) rows.push([n.value !== undefined ? "gradient" : "norm of gradient", String(s.get(n.node))]);
    tip.replaceChildren(element("strong", {}, label(n.node)), element("dl", {}, ...rows.flatMap(([k, v]) => [element("dt", {}, k), element("dd", {}, v)])));
    tip.hidden = false;
    const r = group.getBoundingClientRect(), left = Math.max(8, Math.min(r.left + scrollX, scrollX + document.documentElement.clientWidth - tip.offsetWidth - 8));
    tip.style.left = `${left}px`;
    tip.style.top = `${r.bottom + scrollY + 8}px`;
}

// ---- keys and buttons

byId("first").addEventListener("click", () => go(0));
byId("back").addEventListener("click", () => go(stage - 1));
byId("next").addEventListener("click", () => go(stage + 1));
byId("last").addEventListener("click", () => go(stages.length - 1));
byId("progress").addEventListener("input", () => go(Number(byId("progress").value)));
addEventListener("keydown", e => {
    const to = { ArrowRight: stage + 1, ArrowLeft: stage - 1, Home: 0, End: stages.length - 1 }[e.key];
    if (to === undefined || e.altKey || e.ctrlKey || e.metaKey || /^(INPUT|SELECT)$/.test(e.target.tagName)) return;
    e.preventDefault();
    go(to);
});
addEventListener("resize", () => { if (upright !== innerWidth < 700) drawAll(); });
byId("title").textContent = document.title = `How ${label(y)} came about, and its gradients`;
if (data.limited) document.querySelector("header").append(element("p", { class: "note" }, `Of ${data.node_count} nodes and ${data.step_count} steps the first ${order.length} and ${data.steps.length} are shown.`));
showInputs();
showRoutes();
drawAll();

// ---- for tests: "#test,1=5" steps through everything, changes node 1 to 5, and writes what came of it; "#step=7" goes there

function test(changes) {
    const list = run => ({ values: [...run.values].map(([k, v]) => [k, String(v)]), steps: run.steps.map(s => [s.from, s.to, String(s.contribution), String(s.after)]) });
    const result = { fixed, given: list(given), stages: [], inputs: document.querySelectorAll("#inputs input").length };
    if (!fixed) result.computed = list(computed(leaves));
    for (const [id, v] of changes) {
        byId(`input${id}`).value = v;
        byId(`input${id}`).dispatchEvent(new Event("input"));
    }
    result.changed = list(now);
    for (go(0);; byId("next").click()) {
        result.stages.push(byId("step").innerText.trim());
        if (byId("next").disabled) break;
    }
    result.shown = order.map(n => drawnNodes.get(n.node).group.getAttribute("aria-label"));
    result.routes = order.filter(n => n.gradient_flows).map(n => { choose(n.node); return byId("routes").innerText; });
    byId("test").textContent = JSON.stringify(result);
}
if (location.hash.startsWith("#test")) test(location.hash.split(",").slice(1).map(part => part.split("=").map(Number)));
if (location.hash.startsWith("#step=")) go(Number(location.hash.slice(6)));
