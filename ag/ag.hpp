/* ag for C++11 and later: a tape that frees itself, tensors with operators. Optional and thin: an ag::tensor is an
 * ag_tensor with member functions, both convert to each other, and every rule of ag.h holds.
 *
 *     ag::tape t;
 *     ag::tensor a = t.variable(4), b = t.variable(3), d = a * (a + b);
 *     d.backward();                              // a.grad().item() is 11
 *
 * - Every op of ops.h stands in the namespace without its prefix: ag::exp(x), ag::matmul(a, b).
 * - Errors are values, as in C: a failed op gives a tensor for which ok() is false, and the tape keeps the first error.
 *   With AG_EXCEPTIONS defined before the header is included, what fails here throws ag::error instead, and the tape's
 *   own handler is silent unless one is set. Functions of C (nn_..., optim_...) go on returning statuses and NULL.
 * - AG_TRACE_CALLS (errors.h) tells the places of calls of C functions, not of those that stand here.
 * - A tape must outlive its tensors' use; a tensor is a handle, and copying one copies no data. */
#ifndef AG_AG_HPP
#define AG_AG_HPP

#include "ag.h"

#ifdef AG_TRACE_CALLS /* what stands here is not the caller: see errors.h */
#pragma push_macro("AG_SITE")
#undef AG_SITE
#define AG_SITE nullptr, 0
#endif

#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace ag
{

/* ---- errors */

class error : public std::runtime_error
{
  public:
    error(ag_status status, const std::string &text) : std::runtime_error(text), status_(status)
    {
    }
    ag_status status() const noexcept
    {
        return status_;
    }

  private:
    ag_status status_;
};

namespace detail
{
#ifdef AG_EXCEPTIONS
[[noreturn]] inline void raise(ag_tape *t, ag_status status)
{
    error e(status, t && *ag_error_text(t) ? ag_error_text(t) : ag_status_name(status));
    ag_error_clear(t);
    throw e;
}
#endif

/* What came back from the C function: with AG_EXCEPTIONS an error is thrown and no longer pending. */
inline ag_tensor checked(ag_tensor x)
{
#ifdef AG_EXCEPTIONS
    if (!x.id)
        raise(x.tape, x.tape && ag_error(x.tape) ? ag_error(x.tape) : AG_ENULL);
#endif
    return x;
}

inline ag_status checked(ag_tape *t, ag_status status)
{
#ifdef AG_EXCEPTIONS
    if (status)
        raise(t, status);
#endif
    (void)t;
    return status;
}

/* The same for a struct of tensors. */
template <class T> T checked_all(T results)
{
    ag_tensor first;
    std::memcpy(&first, &results, sizeof first);
    checked(first);
    return results;
}

/* The same for what tells of an error by its value: NaN, -1. */
template <class T> T checked(ag_tensor x, T value, bool failed)
{
#ifdef AG_EXCEPTIONS
    if (failed)
        raise(x.tape, x.tape && ag_error(x.tape) ? ag_error(x.tape) : AG_ENULL);
#endif
    (void)x;
    (void)failed;
    return value;
}

/* The dtype of C++'s numbers. */
template <class T> struct dtype_of;
template <> struct dtype_of<float> {
    static constexpr ag_dtype value = AG_F32;
};
template <> struct dtype_of<double> {
    static constexpr ag_dtype value = AG_F64;
};
template <> struct dtype_of<std::int32_t> {
    static constexpr ag_dtype value = AG_I32;
};
template <> struct dtype_of<std::int64_t> {
    static constexpr ag_dtype value = AG_I64;
};
template <> struct dtype_of<std::uint8_t> {
    static constexpr ag_dtype value = AG_U8;
};
} // namespace detail

/* ---- what functions take */

using shape = ag_detail::shape; /* { 2, 3 } */
using axes = ag_detail::axes;   /* { 0, -1 } */

/* ---- tensors */

class tensor
{
  public:
    tensor() noexcept : h_()
    {
    }
    tensor(ag_tensor h) noexcept : h_(h)
    {
    }
    operator ag_tensor() const noexcept
    {
        return h_;
    }

    bool ok() const
    {
        return ag_ok(h_);
    }
    ag_shape size() const
    {
        ag_shape s = ag_shape_of(h_);
        return detail::checked(h_, s, s.rank < 0);
    }
    ag_dtype dtype() const
    {
        ag_dtype d = ag_dtype_of(h_);
        return detail::checked(h_, d, d == AG_FLOAT);
    }
    std::int64_t elements() const
    {
        std::int64_t n = ag_size_of(h_);
        return detail::checked(h_, n, n < 0);
    }
    double item() const
    {
        double v = ag_item(h_);
        return detail::checked(h_, v, v != v && (!h_.id || ag_error(h_.tape)));
    }
    double item(std::int64_t i) const
    {
        double v = ag_item_at(h_, i);
        return detail::checked(h_, v, v != v && (!h_.id || ag_error(h_.tape)));
    }
    /* The elements, row-major, converted to T. Empty on error. */
    template <class T = double> std::vector<T> values() const
    {
        std::int64_t n = elements();
        std::vector<T> v(n > 0 ? static_cast<std::size_t>(n) : 0);
        if (detail::checked(h_.tape, ag_copy_out(h_, detail::dtype_of<T>::value, v.data(), v.size() * sizeof(T))))
            v.clear();
        return v;
    }
    std::string text() const
    {
        return ag_show(h_);
    }
    tensor &name(const char *name)
    {
        h_ = detail::checked(ag_name(h_, name));
        return *this;
    }
    std::string name() const
    {
        return ag_name_of(h_);
    }

    ag_status backward() const
    {
        return detail::checked(h_.tape, ag_backward(h_));
    }
    ag_status backward(tensor dy) const
    {
        return detail::checked(h_.tape, ag_backward_from(h_, dy));
    }
    tensor grad() const
    {
        return detail::checked(ag_grad(h_));
    }
    ag_status zero_grad() const
    {
        return detail::checked(h_.tape, ag_zero_grad(h_));
    }
    tensor require_grad() const
    {
        return detail::checked(ag_require_grad(h_));
    }
    tensor detach() const
    {
        return detail::checked(ag_detach(h_));
    }
    ag_status assign(tensor value) const /* a persistent tensor's values */
    {
        return detail::checked(h_.tape, ag_assign(h_, value));
    }

  private:
    ag_tensor h_;
};

/* A list of tensors: { a, b }, or a vector's. It borrows: use it within the statement that makes it. */
class list : public ag_list
{
  public:
    list(std::initializer_list<ag_tensor> l) : ag_list{ l.begin(), l.size() }
    {
    }
    list(const std::vector<ag_tensor> &v) : ag_list{ v.data(), v.size() }
    {
    }
    list(const ag_list &l) : ag_list(l)
    {
    }
};

} // namespace ag

#include "ops.hpp"

namespace ag
{

/* ---- operators: elementwise, with broadcasting */

inline tensor operator+(tensor a, tensor b)
{
    return add(a, b);
}
inline tensor operator-(tensor a, tensor b)
{
    return sub(a, b);
}
inline tensor operator*(tensor a, tensor b)
{
    return mul(a, b);
}
inline tensor operator/(tensor a, tensor b)
{
    return div(a, b);
}
inline tensor operator-(tensor a)
{
    return neg(a);
}
inline tensor operator+(tensor a, double b)
{
    return add_scalar(a, b);
}
inline tensor operator+(double a, tensor b)
{
    return add_scalar(b, a);
}
inline tensor operator-(tensor a, double b)
{
    return add_scalar(a, -b);
}
inline tensor operator-(double a, tensor b)
{
    return scalar_sub(a, b);
}
inline tensor operator*(tensor a, double b)
{
    return mul_scalar(a, b);
}
inline tensor operator*(double a, tensor b)
{
    return mul_scalar(b, a);
}
inline tensor operator/(tensor a, double b)
{
    return div(a,
               detail::checked(ag_constant(static_cast<ag_tensor>(a).tape, b))); /* a / b has other bits than a (1/b) */
}
inline tensor operator/(double a, tensor b)
{
    return scalar_div(a, b);
}
template <class T> tensor &operator+=(tensor &a, T b)
{
    return a = a + b;
}
template <class T> tensor &operator-=(tensor &a, T b)
{
    return a = a - b;
}
template <class T> tensor &operator*=(tensor &a, T b)
{
    return a = a * b;
}
template <class T> tensor &operator/=(tensor &a, T b)
{
    return a = a / b;
}

/* ---- the tape */

class tape
{
  public:
    explicit tape(ag_options options = ag_options()) : t_(make(options))
    {
    }
    ~tape()
    {
        ag_tape_free(t_);
    }
    tape(tape &&other) noexcept : t_(other.t_)
    {
        other.t_ = nullptr;
    }
    tape &operator=(tape &&other) noexcept
    {
        std::swap(t_, other.t_);
        return *this;
    }
    tape(const tape &) = delete;
    tape &operator=(const tape &) = delete;
    operator ag_tape *() const noexcept
    {
        return t_;
    }

    ag_status error() const
    {
        return ag_error(t_);
    }
    std::string error_text() const
    {
        return ag_error_text(t_);
    }
    void error_clear()
    {
        ag_error_clear(t_);
    }
    ag_status reset()
    {
        return detail::checked(t_, ag_tape_reset(t_));
    }

    tensor variable(double v)
    {
        return detail::checked(ag_variable(t_, v));
    }
    tensor constant(double v)
    {
        return detail::checked(ag_constant(t_, v));
    }
    tensor values(shape s, std::initializer_list<double> v)
    {
        return detail::checked(ag_values(t_, s, v.begin(), v.size()));
    }
    template <class T> tensor from(const std::vector<T> &v, shape s)
    {
        return detail::checked(ag_from(t_, detail::dtype_of<T>::value, s, v.data(), v.size() * sizeof(T)));
    }
    tensor zeros(shape s, ag_dtype d = AG_FLOAT)
    {
        return detail::checked(ag_zeros(t_, d, s));
    }
    tensor ones(shape s, ag_dtype d = AG_FLOAT)
    {
        return detail::checked(ag_ones(t_, d, s));
    }
    tensor full(shape s, double v, ag_dtype d = AG_FLOAT)
    {
        return detail::checked(ag_full(t_, d, s, v));
    }
    tensor rand(shape s, double low = 0, double high = 1, ag_dtype d = AG_FLOAT)
    {
        return detail::checked(ag_rand(t_, d, s, low, high));
    }
    tensor randn(shape s, double mean = 0, double deviation = 1, ag_dtype d = AG_FLOAT)
    {
        return detail::checked(ag_randn(t_, d, s, mean, deviation));
    }
    tensor truncated_normal(shape s, double mean = 0, double deviation = 1, double low = -2, double high = 2,
                            ag_dtype d = AG_FLOAT)
    {
        return detail::checked(ag_truncated_normal(t_, d, s, mean, deviation, low, high));
    }
    tensor gumbel(shape s, double location = 0, double scale = 1, ag_dtype d = AG_FLOAT)
    {
        return detail::checked(ag_gumbel(t_, d, s, location, scale));
    }
    tensor param(tensor value, const char *name = nullptr)
    {
        return detail::checked(ag_param(value, name));
    }
    tensor buffer(tensor value, const char *name = nullptr)
    {
        return detail::checked(ag_buffer(value, name));
    }

  private:
    static ag_tape *make(ag_options options)
    {
#ifdef AG_EXCEPTIONS
        if (!options.on_error)
            options.on_error = ag_quiet;
#endif
        ag_tape *t = ag_tape_new(options);
#ifdef AG_EXCEPTIONS
        if (!t)
            throw ag::error(AG_ENOMEM, "no memory for a tape, or an option is invalid");
#endif
        return t;
    }
    ag_tape *t_;
};

/* While it lives, results carry no history. */
class no_grad
{
  public:
    explicit no_grad(ag_tape *t) : t_(t)
    {
        ag_no_grad_begin(t_);
    }
    ~no_grad()
    {
        ag_no_grad_end(t_);
    }
    no_grad(const no_grad &) = delete;
    no_grad &operator=(const no_grad &) = delete;

  private:
    ag_tape *t_;
};

/* d(sum y)/d each of xs. Empty on error. */
inline std::vector<tensor> gradients(tensor y, list xs, int flags = 0)
{
    std::vector<ag_tensor> out(xs.count);
    ag_tape *t = static_cast<ag_tensor>(y).tape;
    if (detail::checked(t, ag_gradients(y, xs, flags, out.data())))
        return {};
    return std::vector<tensor>(out.begin(), out.end());
}

} // namespace ag

#ifdef AG_TRACE_CALLS
#pragma pop_macro("AG_SITE")
#endif

#endif
