// The header for C++: operators, lists, values, the tape's life, errors as values.
#include "ag/ag.hpp"
#include "nn/nn.h"
#include "optim/optim.h"
#include <cmath>
#include <cstdio>
#include <type_traits>

static int failures = 0;

static void expect(const char *what, double got, double wanted)
{
    if (!(std::fabs(got - wanted) < 1e-12)) {
        std::printf("%s: %.17g, not %.17g\n", what, got, wanted);
        failures++;
    }
}

static void operators()
{
    ag::tape t;
    ag::tensor x = t.variable(3), y = t.variable(5);
    expect("a + b", (x + y).item(), 8);
    expect("a - b", (x - y).item(), -2);
    expect("a * b", (x * y).item(), 15);
    expect("a / b", (x / y).item(), 0.6);
    expect("-a", (-x).item(), -3);
    expect("a + 2", (x + 2).item(), 5);
    expect("2 + a", (2 + x).item(), 5);
    expect("a - 2", (x - 2).item(), 1);
    expect("2 - a", (2 - x).item(), -1);
    expect("a * 2", (x * 2).item(), 6);
    expect("2 * a", (2 * x).item(), 6);
    expect("a / 7, to the bit", (x / 7).item() == 3.0 / 7.0, 1);
    expect("6 / a", (6 / x).item(), 2);
    ag::tensor z = x;
    z += y;
    z *= 2.0;
    z -= 1.0;
    z /= y;
    expect("compound", z.item(), 3);
    expect("x is as it was", x.item(), 3);
    z.backward();
    expect("dz/dx", x.grad().item(), 0.4);
    std::vector<ag::tensor> g = ag::gradients(ag::exp(x) * y, { x, y });
    expect("two gradients", static_cast<double>(g.size()), 2);
    expect("by x", g[0].item() / (5 * std::exp(3.0)), 1);
    expect("by y", g[1].item() / std::exp(3.0), 1);
    {
        ag::no_grad off(t);
        expect("no history", ag_needs_grad(x * y), 0);
    }
    expect("history again", ag_needs_grad(x * y), 1);
    expect("no error", t.error(), AG_OK);
}

static void arrays()
{
    ag::tape t;
    std::vector<std::int64_t> labels = { 1, 0 };
    ag::tensor x = t.from(std::vector<double>{ 1, 2, 3, 4, 5, 6 }, { 2, 3 });
    ag::tensor c = t.from(labels, { 2 });
    expect("dtype", c.dtype() == AG_I64, 1);
    ag::tensor m = ag::matmul(x, ag::transpose(x, 0, 1));
    std::vector<double> v = m.values();
    expect("four values", static_cast<double>(v.size()), 4);
    expect("the last", v[3], 77);
    expect("as f32", static_cast<double>(m.values<float>()[1]), 32);
    expect("over axes", ag::sum_over(x, { -1 }, 0).item(1), 15);
    expect("reshaped", ag::reshape(x, { 3, 2 }).item(5), 6);
    expect("joined", static_cast<double>(ag::concat({ x, x }, 0).elements()), 12);
    expect("named", x.name("x").name() == "x", 1);
    expect("text", x.text().find("x") != std::string::npos, 1);
    ag::tensor p = t.param(t.zeros({ 2, 3 }), "p");
    optim_sgd_config config = {};
    config.lr = 0.5;
    std::vector<ag_tensor> parameters = { p };
    optim *sgd = optim_sgd(ag::list(parameters), config);
    ag::sum(ag::square(p - x)).backward();
    optim_step(sgd);
    expect("a step", p.item(5), 6);
    t.reset();
    expect("gone", x.ok(), 0);
    expect("still there", p.ok(), 1);
}

static void life()
{
    static_assert(!std::is_copy_constructible<ag::tape>::value, "a tape has one owner");
    ag::tape a, b;
    ag::tensor x = a.variable(2);
    ag::tape c(std::move(a));
    b = std::move(c);
    expect("moved twice", (x * x).item(), 4);
    expect("it is b's", static_cast<ag_tensor>(x).tape == static_cast<ag_tape *>(b), 1);
}

static void errors_are_values()
{
    ag_options options = {};
    options.on_error = ag_quiet;
    ag::tape t(options);
    ag::tensor bad = ag::exp(ag::matmul(t.zeros({ 2, 3 }), t.zeros({ 2, 3 })) + 1);
    expect("not usable", bad.ok(), 0);
    expect("NaN", std::isnan(bad.item()), 1);
    expect("its status", t.error() == AG_ESHAPE, 1);
    expect("its text", t.error_text().find("matmul") != std::string::npos, 1);
    expect("no values", static_cast<double>(bad.values().size()), 0);
    t.error_clear();
    expect("cleared", t.error(), AG_OK);
}

int main()
{
    operators();
    arrays();
    life();
    errors_are_values();
    return failures;
}
