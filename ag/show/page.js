// The page of ag_draw_html: reads what ag_explain_json says, computes it again where it can, and shows it step by step.

// ---- the graph

const byId = id => document.getElementById(id);
const data = JSON.parse(byId("data").textContent, (key, v) => ["Infinity", "-Infinity", "NaN"].includes(v) && key !== "name" && key !== "op" ? Number(v) : v);
const nodes = new Map(data.nodes.map(n => [n.node, n])), order = data.nodes, y = data.y;
const isLeaf = n => !n.inputs && n.of === undefined;
const label = id => nodes.has(id) && nodes.get(id).name || "%" + id;
const inputsOf = n => n.inputs || (n.of !== undefined ? [{ node: n.of }] : []);
const plain = s => /^[\p{L}%][^\s()/]*$/u.test(s);
const partial = (of, by) => `∂${plain(label(of)) ? label(of) : `(${label(of)})`}/∂${plain(label(by)) ? label(by) : `(${label(by)})`}`;
const derivative = id => plain(label(y)) && plain(label(id)) ? `d${label(y)}/d${label(id)}` : `d(${label(y)})/d(${label(id)})`;

function format(x) {
    if (typeof x !== "number") return String(x);
    return Number.isInteger(x) && Math.abs(x) < 1e15 ? String(x) : String(Number(x.toPrecision(6)));
}
const bracketed = x => typeof x === "number" && x < 0 ? `(${format(x)})` : format(x);
const shapeOf = n => `${n.dtype === "f64" ? "" : n.dtype}[${n.shape.join(",")}]`;
const measureOf = (n, x) => n.value !== undefined ? format(x) : `norm ${format(x)}`;

// Why values cannot be computed here; "" if they can.
function whyFixed() {
    if (data.limited) return "the graph is too large for this page to show all of it";
    for (const n of order) {
        if (n.value === undefined || n.shape.length) return `'${label(n.node)}' is an array, and this page computes with single numbers alone`;
        if (n.dtype !== "f64") return `'${label(n.node)}' is ${n.dtype}, and this page computes in f64`;
        if (!isLeaf(n) && !Object.hasOwn(FORMULAS, n.op)) return `this page has no formula for the op '${n.op}'`;
    }
    return "";
}
const fixed = whyFixed();

// ---- values and steps: the tape's, or computed here

const given = { values: new Map(order.map(n => [n.node, n.value !== undefined ? n.value : n.norm])), steps: data.steps };

function computed(leaves) {
    const values = new Map(), local = new Map(), gradients = new Map([[y, 1]]), steps = [];
    for (const n of order) {
        if (isLeaf(n)) { values.set(n.node, leaves.get(n.node)); continue; }
        const f = FORMULAS[n.op], x = n.inputs.map(i => values.get(i.node)), v = f.y(...x, n.c, n.d);
        values.set(n.node, Number(v));
        local.set(n.node, f.slopes.map(slope => Number(slope(...x, Number(v), n.c, n.d))));
    }
    for (const n of [...order].reverse()) {
        if (isLeaf(n) || !n.gradient_flows || !gradients.has(n.node)) continue;
        n.inputs.forEach((input, k) => {
            const to = input.node, upstream = gradients.get(n.node), by = local.get(n.node)[k];
            if (!nodes.get(to).gradient_flows) return;
            const zero = upstream === 0 || by === 0 && FORMULAS[n.op].selects & 1 << k; // see AG_ROW_SELECTS
            const contribution = zero ? 0 : upstream * by, before = gradients.get(to) || 0;
            gradients.set(to, before + contribution);
            steps.push({ from: n.node, to, operand: k, upstream, local: by, contribution, before, after: before + contribution });
        });
    }
    return { values, steps: nodes.get(y).gradient_flows ? steps : [] };
}
let leaves = new Map(order.filter(isLeaf).map(n => [n.node, n.value]));
let now = given, edited = false;

function stagesOf(run) {
    const stages = [{ kind: "start" }];
    for (const n of order) if (!isLeaf(n)) stages.push({ kind: "forward", node: n.node });
    if (nodes.get(y) && nodes.get(y).gradient_flows) {
        stages.push({ kind: "seed", node: y });
        run.steps.forEach((step, at) => stages.push({ kind: "backward", node: step.to, step, at }));
    }
    return stages;
}
let stages = stagesOf(now), stage = 0;

function gradientsAt(k) {
    const g = new Map();
    for (const s of stages.slice(0, k + 1)) {
        if (s.kind === "seed") g.set(y, 1);
        if (s.kind === "backward") g.set(s.step.to, s.step.after);
    }
    return g;
}

// ---- routes: multiply the edges of a route, add the routes

function localsOf(run) {
    const locals = new Map();
    for (const s of run.steps) locals.set(`${s.from}:${s.operand}`, s.local);
    return locals;
}

function routesTo(x, most) {
    const locals = localsOf(now), count = new Map([[x, 1n]]), sum = new Map([[x, 1]]);
    for (const n of order) {
        if (n.node === x || !n.gradient_flows) continue;
        let c = 0n, total = 0;
        for (const [k, input] of inputsOf(n).entries()) if (count.get(input.node)) {
            const by = locals.get(`${n.node}:${k}`);
            c += count.get(input.node);
            total += by * sum.get(input.node);
        }
        if (c) { count.set(n.node, c); sum.set(n.node, total); }
    }
    const list = [];
    const walk = (at, edges) => {
        if (list.length >= most) return;
        if (at === x) { list.push(edges); return; }
        inputsOf(nodes.get(at)).forEach((input, k) => {
            if (count.get(input.node)) walk(input.node, [...edges, { from: at, operand: k, to: input.node, local: locals.get(`${at}:${k}`) }]);
        });
    };
    if (count.get(y)) walk(y, []);
    return { count: count.get(y) || 0n, sum: sum.get(y), list };
}
const productText = edges => edges.length ? edges.map(e => bracketed(e.local)).join(" × ") : "1";
const productOf = edges => edges.reduce((p, e) => p * e.local, 1);

function sumText(x, r) {
    const shown = r.list.length === Number(r.count) && r.list.length > 1 && r.list.length <= 8;
    return `${derivative(x)} = ${shown ? r.list.map(productText).join(" + ") + " = " : ""}${format(r.sum)}`;
}

// ---- words for a step

// "a + b" with values in the places of a and b; a product of letters side by side gets its sign.
function filledIn(n, values) {
    const f = FORMULAS[n.op];
    if (!f) return "";
    const put = new Map(f.operands.split(", ").map((name, k) => [name, bracketed(values.get(n.inputs[k].node))]));
    if (n.c !== undefined) for (const name of ["c", f.constants.split(",")[0]]) put.set(name, bracketed(n.c));
    if (n.d !== undefined) for (const name of ["d", f.constants.split(",")[1]]) put.set(name, bracketed(n.d));
    if (f.formula.includes(" where ") || f.formula.includes(",") && !f.formula.includes("(")) return f.formula;
    const text = f.formula.replace(/(?<![\w])([a-z_]\w*|\d+)(?= [a-z(|])/gi, (word, name) => put.has(name) || /^\d/.test(name) ? `${word} ·` : word);
    return text.replace(/[a-z_]\w*/gi, word => put.has(word) ? put.get(word) : word);
}
const opText = n => `${label(n.node)} = ${n.op}(${inputsOf(n).map(i => label(i.node)).join(", ")})`;

function wordsOf(k) {
    const s = stages[k], n = s.node !== undefined && nodes.get(s.node);
    if (s.kind === "start") return { title: "Inputs", lines: order.filter(isLeaf).slice(0, 12).map(l => `${label(l.node)} = ${valueText(l)}`), note: "The inputs are known. Next: the ops compute their values, in order." };
    if (s.kind === "forward") {
        const filled = now.values.get(s.node) !== undefined && n.value !== undefined && n.inputs && n.inputs.every(i => nodes.get(i.node).value !== undefined) ? filledIn(n, now.values) : "";
        return { title: "Forward", lines: [opText(n), filled ? `${filled} = ${valueText(n)}` : `= ${valueText(n)}`], note: n.formula ? `For any ${n.op}: ${n.formula}.` : "" };
    }
    if (s.kind === "seed") return { title: "Backward", lines: [`${derivative(y)} = 1`], note: "The backward pass begins at the result: its derivative by itself is 1." };
    const { step } = s, from = nodes.get(step.from), to = nodes.get(step.to), f = FORMULAS[from.op];
    const earlier = stages.slice(0, k).filter(e => e.kind === "backward" && e.step.to === step.to).map(e => format(e.step.contribution));
    const lines = [`${label(step.from)} → ${label(step.to)}`];
    if (step.local === undefined) {
        lines.push(`${measureOf(from, step.upstream)} × derivative of ${from.op} = ${measureOf(to, step.contribution)}`, `${derivative(step.to)}: ${measureOf(to, step.after)}${step.before ? " after adding" : ""}`);
    } else {
        const product = `${bracketed(step.upstream)} × ${bracketed(step.local)}`;
        lines.push(`${derivative(step.from)} × ${partial(step.from, step.to)} = ${product} = ${format(step.contribution)}`);
        lines.push(earlier.length ? `${derivative(step.to)} = ${earlier.slice(-5).join(" + ")} + ${product} = ${format(step.after)}` : `${derivative(step.to)} = ${format(step.after)}`);
    }
    return { title: "Backward", lines, note: (earlier.length ? "A further route arrives, and is added. " : "") + (f ? `For any ${from.op}(${f.operands}): ${f.derivative}.` : "") };
}
const valueText = n => n.value !== undefined ? format(now.values.get(n.node)) : `${shapeOf(n)}, norm ${format(now.values.get(n.node))}`;
