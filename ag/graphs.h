/* Looking at graphs: tables, pictures, explanations. A part of ag.h, which includes it. */
#ifndef AG_GRAPHS_H
#define AG_GRAPHS_H

/* ag_print_graph - a line for each node that y depends on: name, op, value, local derivatives, gradient where kept. */
AG_API ag_status ag_print_graph(ag_tensor y, FILE *to);
/* ag_draw - the graph as a digraph for Graphviz: values in the nodes, of arrays shapes and norms, local derivatives on the
 * edges; modules, as far as names such as "0.weight" tell, in boxes. Gradients are those of y by each node, of a pass of
 * its own as ag_explain makes it; of a y of several elements those that the tape keeps. ag_draw_file - the same as a
 * file .svg, .png or .pdf, by Graphviz's program dot, or .dot. Errors: AG_ELIMIT for more than 2000 nodes; AG_EARG for
 * another end of the path; AG_EFILE where dot is missing. */
AG_API ag_status ag_draw(ag_tensor y, FILE *to);
AG_API ag_status ag_draw_file(ag_tensor y, const char *path);
/* ag_draw_html - a page, in one file that needs nothing else, in which a reader steps through the forward and the backward
 * pass, sees what each local derivative contributes and how the routes add, and, where all nodes are rank-0 f64 and the
 * page knows their formulas, changes an input. Of a large graph the first 300 nodes and 900 steps are shown. Errors:
 * AG_ESHAPE if y has several elements; AG_EFILE. */
AG_API ag_status ag_draw_html(ag_tensor y, const char *path);

/* ag_explain - how y came about and how its gradients do: the values in the order in which they were computed, then the
 * backward pass step by step, each as upstream x local derivative = contribution, accumulated into the operand's
 * gradient. Of arrays it gives shapes and norms. The pass is one of its own, before ag_backward or after it: no gradient
 * changes, no hook is called. Of a large graph the first 500 nodes and steps are shown, and it says so.
 * ag_explain_json - the same for programs: every number reads back as it is; infinities and NaN are the strings
 * "Infinity", "-Infinity" and "NaN". Errors: AG_ESHAPE if y has several elements. */
AG_API ag_status ag_explain(ag_tensor y, FILE *to);
AG_API ag_status ag_explain_json(ag_tensor y, FILE *to);

/* ag_explain_routes - every route from x to y with the product of the local derivatives along it, and their sum, which
 * is dy/dx: multiply the edges of a route, add the routes. x and y have one element each; arrays between them are
 * followed element by element, along local derivatives other than 0. ag_explain_element - the same for element i of y
 * and element j of x, in row-major order. No hook is called. All routes are counted and added, the first 50 are
 * listed; where more than 4096 elements, 65536 edges or large arrays lie between x and y, it gives dy/dx and says why
 * no routes. ag_explain_element_json - for programs, as above. Errors: AG_ESHAPE if x or y has several elements;
 * AG_EARG for an element that is not there, or where no route leads from x to y. */
AG_API ag_status ag_explain_routes(ag_tensor y, ag_tensor x, FILE *to);
AG_API ag_status ag_explain_element(ag_tensor y, int64_t i, ag_tensor x, int64_t j, FILE *to);
AG_API ag_status ag_explain_element_json(ag_tensor y, int64_t i, ag_tensor x, int64_t j, FILE *to);

#endif
