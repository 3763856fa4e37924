! ag from Fortran by iso_c_binding: the lecture graph d = a (a + b), then the same derivative on an array.
!
!     gfortran examples/bindings/graph.f90 build/libag.so -Wl,-rpath,build -o graph && ./graph
!
! Handles and shapes are interoperable derived types, passed by value as in C. Arrays are handed over with their bytes;
! ag reads them row by row, Fortran stores them column by column: a(m,n) here is the [n,m] tensor there.
module ag
    use iso_c_binding
    implicit none

    integer(c_int), parameter :: ag_f64 = 2

    type, bind(c) :: ag_tensor
        type(c_ptr) :: tape
        integer(c_int32_t) :: id, epoch
    end type

    type, bind(c) :: ag_shape
        integer(c_int) :: rank
        integer(c_int64_t) :: dim(8)
    end type

    type, bind(c) :: ag_allocator
        type(c_funptr) :: allocate, release
        type(c_ptr) :: user
        type(c_funptr) :: resize
    end type

    type, bind(c) :: ag_options
        integer(c_int) :: dtype = 0, threads = 0
        integer(c_int64_t) :: seed = 0
        logical(c_bool) :: keep_grads = .false., check_finite = .false.
        type(c_funptr) :: on_error = c_null_funptr
        type(c_ptr) :: user = c_null_ptr
        type(ag_allocator) :: allocator = ag_allocator(c_null_funptr, c_null_funptr, c_null_ptr, c_null_funptr)
        integer(c_int64_t) :: memory_limit = 0
        logical(c_bool) :: debug = .false.
        type(c_funptr) :: on_warning = c_null_funptr
        integer(c_int64_t) :: fuse = 0
        integer(c_int) :: repeat = 0
    end type

    interface
        type(c_ptr) function ag_tape_new(options) bind(c)
            import
            type(ag_options), value :: options
        end function
        subroutine ag_tape_free(t) bind(c)
            import
            type(c_ptr), value :: t
        end subroutine
        integer(c_int) function ag_error(t) bind(c)
            import
            type(c_ptr), value :: t
        end function
        type(ag_tensor) function ag_variable(t, v) bind(c)
            import
            type(c_ptr), value :: t
            real(c_double), value :: v
        end function
        type(ag_tensor) function ag_from(t, d, s, memory, bytes) bind(c)
            import
            type(c_ptr), value :: t
            integer(c_int), value :: d
            type(ag_shape), value :: s
            real(c_double), intent(in) :: memory(*)
            integer(c_size_t), value :: bytes
        end function
        type(ag_tensor) function ag_require_grad(x) bind(c)
            import
            type(ag_tensor), value :: x
        end function
        type(ag_tensor) function ag_add(a, b) bind(c)
            import
            type(ag_tensor), value :: a, b
        end function
        type(ag_tensor) function ag_mul(a, b) bind(c)
            import
            type(ag_tensor), value :: a, b
        end function
        type(ag_tensor) function ag_sum(x) bind(c)
            import
            type(ag_tensor), value :: x
        end function
        integer(c_int) function ag_backward(y) bind(c)
            import
            type(ag_tensor), value :: y
        end function
        type(ag_tensor) function ag_grad(x) bind(c)
            import
            type(ag_tensor), value :: x
        end function
        real(c_double) function ag_item(x) bind(c)
            import
            type(ag_tensor), value :: x
        end function
        integer(c_int) function ag_copy_out(x, d, memory, bytes) bind(c)
            import
            type(ag_tensor), value :: x
            integer(c_int), value :: d
            real(c_double), intent(out) :: memory(*)
            integer(c_size_t), value :: bytes
        end function
    end interface
end module

program graph
    use ag
    implicit none
    type(c_ptr) :: t
    type(ag_tensor) :: a, b, d, x
    type(ag_options) :: options
    real(c_double) :: values(3) = [1d0, 2d0, 3d0], gradient(3)
    integer(c_int) :: status

    t = ag_tape_new(options)
    a = ag_variable(t, 4d0)
    b = ag_variable(t, 3d0)
    d = ag_mul(a, ag_add(a, b))
    status = ag_backward(d)
    print '(a, i0, a, i0, a, i0)', 'd = ', nint(ag_item(d)), ', dd/da = ', nint(ag_item(ag_grad(a))), ', dd/db = ', &
        nint(ag_item(ag_grad(b)))

    x = ag_require_grad(ag_from(t, ag_f64, ag_shape(1, [3_c_int64_t, 0_c_int64_t, 0_c_int64_t, 0_c_int64_t, &
        0_c_int64_t, 0_c_int64_t, 0_c_int64_t, 0_c_int64_t]), values, int(24, c_size_t)))
    status = ag_backward(ag_sum(ag_mul(x, x)))
    status = ag_copy_out(ag_grad(x), ag_f64, gradient, int(24, c_size_t))
    print '(a, 3(1x, f3.1))', 'd(x x)/dx =', gradient
    status = ag_error(t)
    call ag_tape_free(t)
    if (status /= 0) stop 1
end program
