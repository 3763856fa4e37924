/* Derivatives: backward passes, gradients as results. A part of ag.h, which includes it. */
#ifndef AG_DERIVATIVES_H
#define AG_DERIVATIVES_H

enum { AG_CREATE_GRAPH = 1 }; /* flags of ag_gradients */

/* ag_backward - adds dy/dx to the gradient of every leaf x that y depends on; y has one element. Values stay until
 * reset, so a second call adds once more. If it fails, every gradient is as it was. Errors: AG_ESHAPE (several
 * elements), AG_EUSE (no leaf wants a gradient; under no-grad; an operand was written since). */
AG_API ag_status ag_backward(ag_tensor y);
/* ag_backward_from - the same for any y, starting from the adjoint dy, which has y's shape. */
AG_API ag_status ag_backward_from(ag_tensor y, ag_tensor dy);
/* ag_gradients - out[i] = d(sum y)/d xs[i], transient; zeros where y does not depend on it, and where it wants
 * no gradient (debug warns of it). No leaf's gradient changes; xs may be intermediate results. With AG_CREATE_GRAPH the results can be differentiated again. */
AG_API ag_status ag_gradients(ag_tensor y, ag_list xs, int flags, ag_tensor *out);
/* ag_gradients_from - the same starting from the adjoint dy, which has y's shape: out[i] = dy' (dy/d xs[i]). With
 * AG_CREATE_GRAPH the results can be differentiated by what dy depends on, too. */
AG_API ag_status ag_gradients_from(ag_tensor y, ag_tensor dy, ag_list xs, int flags, ag_tensor *out);
/* ag_vjp - dy' J, J = dy/dx: the gradient of sum(dy * y) by x, without a graph. dy has y's shape. */
AG_API ag_tensor ag_vjp(ag_tensor y, ag_tensor dy, ag_tensor x);
/* ag_hvp - H v, H the second derivative of the one-element y by x; v has x's shape. Works under no-grad. */
AG_API ag_tensor ag_hvp(ag_tensor y, ag_tensor x, ag_tensor v);
/* ag_grad - the accumulated gradient, read-only, without a graph; zeros where nothing arrived. Leaves, persistent
 * parameters, and intermediate results under ag_retain_grad or keep_grads; else AG_EUSE. */
AG_API ag_tensor ag_grad(ag_tensor x);
AG_API ag_status ag_zero_grad(ag_tensor x);
AG_API ag_status ag_retain_grad(ag_tensor x); /* keep the gradient of this intermediate result in passes to come */
/* ag_local - the local derivative dy/dx along the direct edges from x to y alone: 0 where x is no operand of y's op.
 * For ranked tensors the vjp of the one op with an adjoint of ones. */
AG_API ag_tensor ag_local(ag_tensor y, ag_tensor x);
/* ag_no_grad_begin, ag_no_grad_end - between them results carry no history. They nest. */
AG_API void ag_no_grad_begin(ag_tape *t);
AG_API void ag_no_grad_end(ag_tape *t);
/* ag_enable_grad_begin, ag_enable_grad_end - between them results carry history although no-grad blocks are open, as
 * they are while a rule or a hook runs: it can record a graph of its own and differentiate it. End takes what begin
 * returned. */
AG_API unsigned ag_enable_grad_begin(ag_tape *t);
AG_API void ag_enable_grad_end(ag_tape *t, unsigned suspended);
/* ag_detach - x's values (shared) without its history. */
AG_API ag_tensor ag_detach(ag_tensor x);

/* ag_hook - in each pass to come, has f called with x's adjoint when it is complete, once. {0} leaves it as it is; another
 * tensor of its shape takes its place, in what x passes on and in what ag_grad and ag_gradients show of x. Several hooks
 * of x are called in the order in which they were given, each with what the one before left; where no adjoint arrives
 * none is called. f runs as an op's rule does: in a plain pass without a graph, and what it makes is gone when it
 * returns, the adjoint too; under AG_CREATE_GRAPH what it does is recorded, and differentiated. It cannot end the step,
 * nor hook tensors of before; an error that it leaves fails the pass, and every gradient is as it was. The hooks of a
 * transient tensor go with it, at a reset or rewind. Those of a parameter stay until it is released; they are called
 * with the sum over all its uses, and not in passes within a rule or a hook. A Jacobian is a pass for
 * each row then. f and `user` must live as long. Where there are hooks passes take longer over rank-0 tensors. Errors:
 * AG_ENULL for no f; AG_EUSE if x wants no gradient. */
typedef ag_tensor ag_hook_function(ag_tensor adjoint, void *user);
AG_API ag_status ag_hook(ag_tensor x, ag_hook_function *f, void *user);

/* ag_custom_vjp - y, with the derivative by xs that `rule` gives: dx[i] = dy' (dy/dxs[i]), written in ag ops, so that it
 * can be differentiated again; {0}: none. How y was computed does not matter, nothing flows back through it: the root
 * of an equation or a fixed point (the implicit function theorem), a rounding that passes gradients straight through.
 * The result shares y's values. `rule` and `user` must live until the tape's reset. Errors: AG_ENULL for no rule or an
 * empty list; AG_EDTYPE if y is not floating. */
typedef void ag_custom_rule(ag_tensor y, ag_tensor dy, ag_list xs, ag_tensor *dx, void *user);
AG_API ag_tensor ag_custom_vjp(ag_tensor y, ag_list xs, ag_custom_rule *rule, void *user);

/* ag_checkpoint - f(xs) of which the step keeps the value alone; a backward pass runs f again for the rest (Chen et al.
 * 2016). Memory for time: one more forward of f. f may read parameters and other tensors that it is not given, they
 * get their gradients too. It must do the same both times: random numbers are drawn again from the same place, modes come
 * by ag_replayed, as those of nn's modules; tensors that it read and that were written since are AG_EUSE, another
 * value too; what it writes (ag_assign) it writes twice. It must not reset the tape. Checkpoints nest and can be
 * differentiated to any order. f and `user` must live until the tape's reset. Under no-grad: f(xs). Errors: AG_ENULL for no
 * f or an empty list. */
typedef ag_tensor ag_function(ag_list x, void *user);
AG_API ag_tensor ag_checkpoint(ag_function *f, void *user, ag_list xs);
/* ag_replayed - `now`; where a checkpoint runs its function again, what `now` was at the same call the first time. For
 * modes that can change between a forward and its backward, as training and evaluation. */
AG_API bool ag_replayed(ag_tape *t, bool now);

/* ---- Jacobians, Hessians, and their products with vectors
 *
 * As in ag_gradients, xs may be intermediate results, what belongs to tensors that y does not depend on, or that want no
 * gradient, is zeros, and no leaf's gradient changes. The results are transient, dense and without a graph; what is
 * recorded on the way is gone when they are there. All of them work under no-grad, and in a rule where ag_gradients does. Errors: AG_EDTYPE if y is not
 * floating; where one fails every result is inert. */

/* ag_vjps - ag_vjp by each of the list in one pass: out[i] = dy' J_i, J_i = dy/d xs[i]. */
AG_API ag_status ag_vjps(ag_tensor y, ag_tensor dy, ag_list xs, ag_tensor *out);
/* ag_jvp - J_1 v_1 + J_2 v_2 + ...: how y moves when each of xs moves along its vector of vs, which has its shape.
 * y's shape and dtype. Errors: AG_EARG if the lists differ in length; AG_ESHAPE if a vector has another shape. */
AG_API ag_tensor ag_jvp(ag_tensor y, ag_list xs, ag_list vs);
/* ag_hvps - ag_hvp by each of the list: out[i] = H_i1 v_1 + H_i2 v_2 + ..., H_ij the second derivative of the one-element
 * y by xs[i] and xs[j]. Errors: as ag_jvp, and AG_ESHAPE if y has several elements. */
AG_API ag_status ag_hvps(ag_tensor y, ag_list xs, ag_list vs, ag_tensor *out);
/* ag_jacobian - dy/dx of shape [y's extents, x's extents] and x's dtype: element [i, j] is d y[i] / d x[j].
 * Errors: AG_ESHAPE if that makes more than AG_MAX_RANK dimensions: see ag_flatten. */
AG_API ag_tensor ag_jacobian(ag_tensor y, ag_tensor x);
/* ag_hessian - the second derivative of the one-element y by x, of shape [x's extents, x's extents]: the Jacobian of the
 * gradient. Errors: AG_ESHAPE if y has several elements, or for too many dimensions. */
AG_API ag_tensor ag_hessian(ag_tensor y, ag_tensor x);

#endif
