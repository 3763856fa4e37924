// With AG_EXCEPTIONS what fails throws, and the tape is clean again.
#define AG_EXCEPTIONS
#include "ag/ag.hpp"
#include <cstdio>

template <class F> static int throws(const char *what, ag_tape *t, ag_status status, F f)
{
    try {
        f();
    } catch (const ag::error &e) {
        bool fine = e.status() == status && e.what()[0] && ag_error(t) == AG_OK;
        if (!fine)
            std::printf("%s: status %d, '%s', pending %d\n", what, e.status(), e.what(), ag_error(t));
        return !fine;
    }
    std::printf("%s: nothing was thrown\n", what);
    return 1;
}

int main()
{
    ag::tape t;
    ag::tensor x = t.variable(2), m = t.zeros({ 2, 3 });
    int failures = 0;
    failures += throws("shapes", t, AG_ESHAPE, [&] { ag::matmul(m, m); });
    failures += throws("an absent tensor", t, AG_ENULL, [&] { x + ag::tensor(); });
    failures += throws("a ranked loss", t, AG_ESHAPE, [&] { (m * x).backward(); });
    failures += throws("no leaf", t, AG_EUSE, [&] { ag::sum(m).backward(); });
    failures += throws("numbers", t, AG_ESHAPE, [&] { t.values({ 2 }, { 1, 2, 3 }); });
    failures += throws("one element of many", t, AG_ESHAPE, [&] { m.item(); });
    failures += throws("an element outside", t, AG_ESHAPE, [&] { m.item(6); });
    failures += throws("the size of nothing", t, AG_ENULL, [&] { ag::tensor().elements(); });
    failures += throws("the shape of nothing", t, AG_ENULL, [&] { ag::tensor().size(); });
    (x * x).backward();
    if (x.grad().item() != 4) {
        std::printf("the gradient is %g, not 4\n", x.grad().item());
        failures++;
    }
    return failures;
}
