# make help lists the goals and switches. Everything is built in $(BUILD); several settings live side by side.

ARCH    ?= native# of the compiler's -march; empty for its default; any: for all processors of a kind, chosen when it is loaded
DEBUG   ?= 0#      1: unoptimised, with internal checks
SAN     ?=#        address,undefined or thread
XSMM    ?= 1#      0: kernels of our own and BLIS
BLIS    ?=#        openmp, pthread or serial: which of Debian's packages (serial)
BLIS_DIR ?=#       where another BLIS lies, in include/ and lib/
V        ?= 0#      1: show the commands
PREFIX  ?= /usr/local
LIBDIR  ?= $(PREFIX)/lib
DATA    ?= ../shared/data#  faces and vowels, for make lectures
ifeq ($(origin CC),default)
CC = gcc
endif
CXX    ?= g++

packages = libblis-dev libblis-openmp-dev libblis-pthread-dev libblis-serial-dev libsleef-dev zlib1g-dev \
	libcmocka-dev libmpfr-dev dataset-fashion-mnist gnuplot-nox graphviz chromium valgrind clang clang-format g++ gfortran python3 pkg-config git

ifeq ($(MAKELEVEL),0)
MAKEFLAGS += -j$(shell getconf _NPROCESSORS_ONLN)# unless asked otherwise
endif
ifneq ($(V),1)
.SILENT:
endif

.PHONY: all setup
all:
setup: ## installs the libraries and tools (Debian, Ubuntu)
	@set -e; wanted="$(packages)"; \
	if ! command -v apt-get >/dev/null; then \
	    echo "make setup knows apt-get only. Install what these packages of Debian hold: $$wanted libxsmm-dev"; exit 1; fi; \
	case $$(dpkg --print-architecture) in amd64) wanted="$$wanted libxsmm-dev";; esac; \
	missing=$$(for p in $$wanted; do dpkg-query -W -f '$${Status}' $$p 2>/dev/null | grep -q ' installed' || echo $$p; done); \
	if [ "$$missing" ]; then \
	    if [ $$(id -u) = 0 ]; then as=; else as=sudo; fi; \
	    echo "installing" $$missing; \
	    $$as apt-get -qq update; \
	    $$as env DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install $$missing >/dev/null; \
	fi

# Several goals run one after the other, each in a make of its own, which sees what those before it installed.
ifneq ($(word 2,$(MAKECMDGOALS)),)
.NOTPARALLEL:
.PHONY: $(MAKECMDGOALS)
$(filter-out setup,$(MAKECMDGOALS)):
	+@$(MAKE) --no-print-directory $@
else

# ---- what is there: one run of the preprocessor answers

# BLIS runs on one thread in each of ag's own, so that its serial flavour costs least.
flavour := $(or $(BLIS),$(if $(BLIS_DIR),,serial))
blis_lib := $(firstword $(BLIS_DIR:%=%/lib) $(wildcard /usr/lib/*/blis-$(flavour)))
blis_include := $(if $(BLIS_DIR),$(BLIS_DIR)/include $(BLIS_DIR)/include/blis,$(firstword $(wildcard /usr/include/*/blis-$(flavour)) /usr/include/blis))
includes := $(addprefix -isystem ,$(blis_include))
hash := \#
# Of the libraries for any processor the loader of glibc takes the best: the one in a folder of its level, or the basic one.
machine := $(shell $(CC) -dumpmachine)
basic := $(if $(filter x86_64%,$(machine)),x86-64-v2)
levels := $(if $(filter any,$(ARCH)),$(if $(basic),x86-64-v3 x86-64-v4))
march := $(patsubst %,-march=%,$(if $(filter any,$(ARCH)),$(basic),$(ARCH)))
has = '$(hash)if __has_include(<$(1)>)' '$(2)' '$(hash)endif'
defined = '$(hash)ifdef $(1)' '$(2)' '$(hash)endif'
libraries := zlib.h=zlib1g-dev blis.h=libblis-dev sleef.h=libsleef-dev
found := $(shell printf '%s\n' $(call has,libxsmm_generator.h,xsmm) $(call defined,__clang__,CLANG) $(call defined,__x86_64__,X86) $(call defined,__AVX512F__,AVX512) \
	$(foreach l,$(libraries),$(call has,$(firstword $(subst =, ,$l)),$(lastword $(subst =, ,$l)))) | \
	$(CC) $(march) $(includes) -x c -E -P -)
missing := $(filter-out $(found),$(foreach l,$(libraries),$(lastword $(subst =, ,$l))))
xsmm := $(and $(filter-out 0,$(XSMM)),$(filter X86,$(found)),$(filter xsmm,$(found)))

# ---- settings

rooms := array kernels tape record ops backward check show
empty :=
space := $(empty) $(empty)
comma := ,
settings := $(filter-out gcc cc,$(notdir $(CC))) $(filter-out native,$(ARCH)) $(if $(filter 1,$(DEBUG)),debug) $(subst $(comma),-,$(SAN)) \
	$(if $(filter 0,$(XSMM)),noxsmm) $(BLIS:%=blis-%) $(and $(BLIS_DIR),$(notdir $(abspath $(BLIS_DIR))))
BUILD ?= build$(subst $(space),,$(addprefix -,$(settings)))

warnings := -Wall -Wextra -Wpedantic -Werror
# Stacks are guarded where bytes of others arrive; in these rooms, which see sizes of the engine's own, it would cost 1.2 %
# of the instructions of small steps.
unguarded := $(foreach r,kernels record backward,ag/$(r)/)
# Rooms that know no op, unless a file of theirs says so, are not built anew when one comes or goes.
without_ops := $(foreach r,$(filter-out ops,$(rooms)),ag/$(r)/)
guards := -fstack-protector-strong -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
# Where a loop happens to lie moved a step of 4.7 us by 0.5 us.
placed := -falign-functions=64 -falign-loops=64
# Tiny products run through few loops, where passing over what fills 64 bytes costs 4 %.
closely := -falign-loops=32
# What sanitizers say needs lines, not variables, of which there are ten times as much; and they come with the internal checks.
level := $(if $(filter 1,$(DEBUG)),-O0 -g -DAG_DEBUG=1,$(if $(SAN),-O1 -g1 -DAG_DEBUG=1,-O3 $(guards) $(placed)))
flags := -std=c11 $(warnings) $(level) $(march) -fPIC -fvisibility=hidden -fno-semantic-interposition -fno-math-errno -fno-trapping-math -fopenmp-simd \
	$(if $(findstring undefined,$(SAN)),-fsanitize=float-cast-overflow) $(SAN:%=-fsanitize=% -fno-sanitize-recover=all -fno-omit-frame-pointer) $(includes) $(if $(xsmm),-DAG_XSMM=1)
ifneq ($(filter CLANG,$(found)),)
# gcc's -std=c11 rounds each product and each sum; clang would merge those of one expression, and other ones elsewhere.
flags += -ffp-contract=off -Wno-pass-failed $(shell $(CC) -fveclib=libmvec -x c -E /dev/null >/dev/null 2>&1 && echo -fveclib=libmvec)
else
flags += $(if $(filter AVX512,$(found)),-mprefer-vector-width=512) -fno-tree-slp-vectorize -Wno-psabi
endif
internal = $(flags) -D_GNU_SOURCE -I. -I$(BUILD)
public = $(flags) -I.
dependencies = -MMD -MP -MF $@.d -MT $@
libs = -Wl,--as-needed $(if $(blis_lib),-L$(blis_lib) -Wl$(comma)-rpath$(comma)$(blis_lib)) $(if $(xsmm),-lxsmmgen) \
	-lblis -lsleef -lz -lm -lpthread -ldl
# Resolved when loaded, read-only from then on; and never unloaded, as threads that help and generated code remain.
hardened := -Wl,-z,relro,-z,now,-z,noexecstack
version := 0.1.0
soname := libag.so.$(firstword $(subst ., ,$(version)))

# ---- sources and programs

definitions := $(sort $(wildcard ag/ops/*/*.c))
sources := $(sort $(wildcard $(rooms:%=ag/%/*.c) nn/*.c optim/*.c) $(definitions))
nn_headers := $(sort $(filter-out %internal.h nn/traced.h,$(wildcard nn/*.h)))
headers := ag/ag.h ag/errors.h ag/derivatives.h ag/options.h ag/ops.h ag/op.h ag/graphs.h ag/profile.h ag/traced.h ag/ag.hpp ag/ops.hpp $(nn_headers) nn/traced.h $(wildcard optim/optim.h optim/traced.h)
objects := $(sources:%.c=$(BUILD)/%.o)
name = $(basename $(notdir $(1)))
tests := $(addprefix $(BUILD)/tests/,$(or $(TESTS:%=test_%),$(call name,$(wildcard tests/test_*.c))))
faces := $(if $(TESTS),,$(addprefix $(BUILD)/face/,$(call name,$(wildcard tests/face/*.c))))
scripts := $(if $(TESTS),,$(wildcard tests/*.sh))
benches := $(addprefix $(BUILD)/bench/,$(call name,$(wildcard tests/bench/*.c)))
fuzz_objects := $(patsubst %.c,$(BUILD)/%.o,$(filter-out tests/fuzz/files.c,$(wildcard tests/fuzz/*.c)))
examples := $(patsubst %.c,$(BUILD)/%,$(sort $(wildcard examples/*/*.c)))

.PHONY: library examples test accuracy certain fuzz bench bench-check bench-counts bench-levels bench-peers demo lectures gallery programs docs format format-check install uninstall deb packaged clean help FORCE
all: library examples ## the library and the examples (this is the default)
library: $(BUILD)/libag.a $(BUILD)/libag.so $(levels:%=$(BUILD)/glibc-hwcaps/%/$(soname)) ## libag.a and libag.so
examples: $(examples) ## the programs of examples/

# Rewritten only when the content changes, so that what depends on it is built anew exactly then.
update = @mkdir -p $(@D); echo '$(strip $(1))' | cmp -s - $@ || echo '$(strip $(1))' >$@
$(BUILD)/settings: FORCE
	$(if $(missing),$(error Missing: $(missing). `make setup` installs everything that is needed))
	$(if $(or $(xsmm),$(filter 0,$(XSMM))),,$(info libxsmm is not there (package libxsmm-dev, x86 only): building without it, products will be slower))
	$(call update,$(CC) $(flags) $(CFLAGS))
$(BUILD)/sources: FORCE
	$(call update,$(sources) $(definitions))

# The ops' public header and the internal registry, from the ops' sources; and from public headers those of AG_TRACE_CALLS.
generate = sh ag/ops/$(1) >$(BUILD)/generated.tmp && \
	{ cmp -s $(BUILD)/generated.tmp $(2) || { cp $(BUILD)/generated.tmp $(2).$$$$; mv $(2).$$$$ $(2); }; }
traceable := $(sort $(filter-out ag/traced.h,$(wildcard ag/*.h)))
$(BUILD)/generated: $(wildcard ag/ops/generate*) tests/generate_calls $(definitions) $(filter-out ag/ops.h,$(traceable)) $(nn_headers) optim/optim.h $(BUILD)/sources
	@$(call generate,generate header $(definitions),ag/ops.h)
	@$(call generate,generate registry $(definitions),$(BUILD)/registry.h)
	@$(call generate,generate_cpp ag/ops.h,ag/ops.hpp)
	@$(call generate,../../tests/generate_calls ag/options.h ag/ops.h,$(BUILD)/ops_calls.h)
	@$(call generate,generate_traced AG_TRACED_H $(traceable),ag/traced.h)
	@$(call generate,generate_traced NN_TRACED_H $(nn_headers),nn/traced.h)
	@$(call generate,generate_traced OPTIM_TRACED_H optim/optim.h,optim/traced.h)
	@touch $@
ag/ops.h $(BUILD)/registry.h: $(BUILD)/generated
	@:

# The page of ag_draw_html, with the formulas of the elementwise ops.
page := $(wildcard ag/show/page*)
$(BUILD)/page.inc: ag/show/generate_page $(page) $(wildcard ag/ops/elementwise/*.[ch])
	@mkdir -p $(@D)
	@sh ag/show/generate_page ag/show/page.html $(wildcard ag/ops/elementwise/*.[hc]) >$@.tmp && mv $@.tmp $@
$(BUILD)/ag/show/html.o: $(BUILD)/page.inc
# That of nn_watch has none.
$(BUILD)/watch_page.inc: ag/show/generate_page nn/watch_page.html
	@mkdir -p $(@D)
	@sh ag/show/generate_page nn/watch_page.html /dev/null >$@.tmp && mv $@.tmp $@
$(BUILD)/nn/watch_write.o: $(BUILD)/watch_page.inc

$(BUILD)/%.o: %.c $(BUILD)/settings | ag/ops.h $(BUILD)/registry.h
	@mkdir -p $(@D)
	@echo '  cc    $<'
	$(CC) $(internal) $(CFLAGS) $(if $(filter $(without_ops),$(dir $<)),-DAG_WITHOUT_OPS) $(if $(filter $(unguarded),$(dir $<)),-fno-stack-protector) $(if $(findstring kernels/matmul,$<),$(closely)) $(dependencies) -c -o $@ $<
$(BUILD)/libag.a: $(objects) $(BUILD)/sources
	@rm -f $@
	@echo '  ar    $@'
	$(AR) rcs $@ $(objects)
$(BUILD)/$(soname): $(objects) $(BUILD)/sources
	@echo '  link  $@'
	$(CC) $(flags) $(CFLAGS) -shared $(hardened) -Wl,-z,nodelete -Wl,-soname,$(soname) -Wl,--exclude-libs,ALL -o $@ $(objects) $(libs) $(LDFLAGS)
$(BUILD)/libag.so: $(BUILD)/$(soname)
	@ln -sf $(soname) $@
$(BUILD)/glibc-hwcaps/%/$(soname): FORCE
	+@$(MAKE) --no-print-directory ARCH=$* BUILD=$(BUILD)/$* $(BUILD)/$*/$(soname)
	@mkdir -p $(@D) && cp -pu $(BUILD)/$*/$(soname) $@

# A program of one file, with the library's inside in reach or as a user's program.
inside = @mkdir -p $(@D); echo '  link  $@'$(newline)$(CC) $(internal) $(2) $(CFLAGS) $(dependencies) -pie $(hardened) -o $@ $< $(BUILD)/libag.a $(1) $(libs) $(LDFLAGS)
outside = @mkdir -p $(@D); echo '  link  $@'$(newline)$(CC) $(public) $(CFLAGS) $(dependencies) -pie $(hardened) -o $@ $< $(BUILD)/libag.so -Wl,-rpath,'$$ORIGIN/..$(if $(filter examples/%,$<),/..)' $(or $(1),-lm) $(LDFLAGS)
define newline


endef
bench_inside := $(addprefix $(BUILD)/bench/,$(call name,$(shell grep -lsE 'include "([a-z/]*(internal|kernels/)|hand[a-z_]*)' tests/bench/*.c)))
# What takes time in tests is the library.
$(BUILD)/tests/%: tests/%.c $(BUILD)/libag.a $(BUILD)/settings
	$(call inside,-lcmocka,$(if $(filter 1,$(DEBUG)),,-O1))
$(bench_inside): $(BUILD)/bench/%: tests/bench/%.c $(BUILD)/libag.a $(BUILD)/settings
	$(call inside)
$(BUILD)/fuzz: $(fuzz_objects) $(BUILD)/libag.a
	@echo '  link  $@'
	$(CC) $(flags) $(CFLAGS) -o $@ $(fuzz_objects) $(BUILD)/libag.a $(libs) $(LDFLAGS)
$(BUILD)/fuzz_files: tests/fuzz/files.c $(BUILD)/libag.a $(BUILD)/settings
	$(call inside)
$(BUILD)/accuracy: $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/accuracy/*.c)) $(BUILD)/libag.a
	@echo '  link  $@'
	$(CC) $(flags) $(CFLAGS) -o $@ $^ $(libs) -lmpfr -lgmp $(LDFLAGS)
$(BUILD)/ops_md: docs/ops_md.c $(BUILD)/libag.a $(BUILD)/settings
	$(call inside)
$(BUILD)/bench/%: tests/bench/%.c $(BUILD)/libag.so $(BUILD)/settings
	$(call outside,$(libs))
$(BUILD)/face/%: tests/face/%.c $(BUILD)/libag.so $(BUILD)/settings
	$(call outside)
$(BUILD)/examples/%: examples/%.c $(BUILD)/libag.so $(BUILD)/settings
	$(call outside)

# ---- goals

test: library $(tests) $(faces) $(if $(TESTS),,$(if $(SAN),,$(examples) $(BUILD)/accuracy) $(BUILD)/fuzz) ## all tests; TESTS='a b' for test_a and test_b alone
	@BUILD=$(BUILD) CC='$(CC)' CXX='$(CXX)' SAN='$(SAN)' tests/run $(tests) $(scripts)
fuzz: $(BUILD)/fuzz $(BUILD)/fuzz_files ## reads damaged files, and plays random calls for SECONDS=60, from SEED=... on
	$(BUILD)/fuzz_files 20000 $(SEED)
	$(BUILD)/fuzz -t $(or $(SECONDS),60) $(SEED:%=-s %)
demo: $(examples) ## runs the examples; pictures go to out/
	@mkdir -p out; for program in $(examples); do echo "== $${program#$(BUILD)/}"; $$program || exit 1; done
lectures: $(examples) ## runs those of the lectures, compares with what they must print; out/index.html shows all
	@examples/lectures $(BUILD) $(DATA)
# What shows data that is in no package is not for the repository.
gallery: lectures ## what they drew, into examples/README.md
	@rm -rf examples/pictures; mkdir -p examples/pictures; for picture in out/*/*.png; do \
	    folder=$$(basename $$(dirname $$picture)); program=$$(basename $$picture .png); \
	    grep -qE "\| $$program \{(faces|vowels)" examples/$$folder/rows.txt || cp $$picture examples/pictures/$$folder-$$program.png; done
	@sed '/^<!-- from here on/q' examples/README.md >$(BUILD)/README.md; examples/lectures --map >>$(BUILD)/README.md; cp $(BUILD)/README.md examples/README.md
bench: $(benches) ## speed: whole steps beside hand-written ones, which go to out/bench.json too, then one program after the other
	@mkdir -p out; $(BUILD)/bench/goals --json out/bench.json
	@echo "== on two threads"; $(BUILD)/bench/goals --threads 2 --json out/bench-2-threads.json T5 T6
	@for program in $(filter-out %/goals %/counts %/memory %/picture,$(benches)); do echo "== $${program##*/}"; $$program || exit 1; done
	@echo "== two programs at once"; tests/bench/together.sh $(BUILD)
bench-levels: $(BUILD)/bench/goals ## whole steps of the library for any processor beside those of this build
	+@$(MAKE) --no-print-directory ARCH=x86-64-v4 BUILD=build-any/x86-64-v4 build-any/x86-64-v4/bench/goals
	@tests/bench/levels.sh $(BUILD) build-any/x86-64-v4
bench-check: ## instructions of steps beside those of tests/bench/counts.txt, by callgrind; RENEW=1 writes them anew
	+@$(MAKE) --no-print-directory ARCH=x86-64-v3 bench-counts
bench-counts: $(BUILD)/bench/counts
	@CC='$(CC)' tests/bench/check.sh $(BUILD) $(if $(RENEW),renew)
bench-peers: library $(benches) ## beside PyTorch, which it installs in a virtual environment in $(BUILD)
	@tests/bench/peers.sh $(BUILD)
programs: $(BUILD)/tests/test_programs ## COUNT= random programs from number SEED= on beside PyTorch, which it installs likewise
	@COUNT='$(COUNT)' SEED='$(SEED)' tests/programs/run.sh $(BUILD)
certain: $(BUILD)/tests/test_certain ## mistakes planted in derivatives, and what is caught; beside PyTorch and JAX where bench-peers installed them
	@tests/certain/run.sh $(BUILD)
accuracy: $(BUILD)/accuracy ## the largest errors of ops, on COUNT= inputs each, or of OP= alone
	$(BUILD)/accuracy $(or $(COUNT),20480) $(OP)
docs: $(BUILD)/ops_md ## docs/ops.md
	$(BUILD)/ops_md >docs/ops.md
formatted = $(filter-out ag/ops.h,$(wildcard ag/ag.hpp tests/cpp/*.cpp $(foreach d,ag $(rooms:%=ag/%) $(sort $(dir $(definitions))) nn optim tests tests/bench tests/certain tests/fuzz tests/accuracy examples $(wildcard examples/*) docs,$(d)/*.[ch] $(d)/*.inc)))
format: ## clang-format, in place
	clang-format -i $(formatted)
format-check:
	clang-format --dry-run -Werror $(formatted)
lib = $(DESTDIR)$(LIBDIR)
include = $(DESTDIR)$(PREFIX)/include/ag
pc = 'prefix=$(PREFIX)' 'libdir=$(LIBDIR:$(PREFIX)/%=$${prefix}/%)' '' 'Name: $(1)' 'Description: reverse-mode automatic differentiation of tensors' \
	'Version: $(version)' 'Cflags: -I$${prefix}/include/ag'
ldconfig = if [ -z '$(DESTDIR)' ] && [ $$(id -u) = 0 ] && command -v ldconfig >/dev/null; then ldconfig; fi
install: library ## to $(DESTDIR)$(PREFIX); pkg-config knows it as ag, and its archive as ag-static
	install -d $(lib)/pkgconfig $(foreach h,$(headers),$(include)/$(dir $h))
	$(foreach h,$(headers),install -m 644 $h $(include)/$h$(newline)	)
	install -m 644 $(BUILD)/libag.a $(lib)
	install -m 755 $(BUILD)/$(soname) $(lib)
	ln -sf $(soname) $(lib)/libag.so
	$(foreach l,$(levels),install -D -m 755 $(BUILD)/glibc-hwcaps/$l/$(soname) $(lib)/glibc-hwcaps/$l/$(soname)$(newline)	)
	printf '%s\n' $(call pc,ag) 'Libs: -L$${libdir} $(if $(filter /usr,$(PREFIX)),,-Wl$(comma)-rpath$(comma)$${libdir} )-lag' \
	    'Libs.private: $(libs)' >$(lib)/pkgconfig/ag.pc
	printf '%s\n' $(call pc,ag-static) 'Libs: $${libdir}/libag.a $(libs)' >$(lib)/pkgconfig/ag-static.pc
	@$(ldconfig)
	@echo 'installed in $(PREFIX): gcc program.c $$(pkg-config --cflags --libs ag)$(if $(filter /usr /usr/local,$(PREFIX)),, with PKG_CONFIG_PATH=$(LIBDIR)/pkgconfig)'
uninstall: ## what install put there
	rm -f $(foreach h,$(headers),$(include)/$h) $(lib)/libag.a $(lib)/$(soname) $(lib)/libag.so $(lib)/pkgconfig/ag.pc $(lib)/pkgconfig/ag-static.pc \
	    $(lib)/glibc-hwcaps/*/$(soname)
	@rmdir $(lib)/glibc-hwcaps/* $(lib)/glibc-hwcaps $(sort $(foreach h,$(headers),$(include)/$(dir $h))) $(include) $(lib)/pkgconfig 2>/dev/null || true
	@$(ldconfig)
deb: ## a Debian package, in its build directory; for any processor unless ARCH= names one
	+@$(MAKE) --no-print-directory ARCH=$(or $(filter-out native,$(ARCH)),any) packaged
# One package for those who write programs and those who run them. Any flavour of BLIS will do, the one that it was built
# with is best; what the archive is linked with is only recommended.
root = $(BUILD)/deb
multiarch := $(shell $(CC) -print-multiarch 2>/dev/null)
packaged: library
	rm -rf $(root) $(BUILD)/debian
	+@$(MAKE) --no-print-directory -s install DESTDIR=$(root) PREFIX=/usr LIBDIR=/usr/lib$(multiarch:%=/%) >/dev/null
	find $(root) -name $(soname) -exec strip --strip-unneeded {} + -exec chmod 644 {} +
	install -D -m 644 LICENSE $(root)/usr/share/doc/libag-dev/copyright
	mkdir -p $(root)/DEBIAN $(BUILD)/debian
	echo 'libag 0 libag-dev (>= $(version))' >$(root)/DEBIAN/shlibs
	echo 'activate-noawait ldconfig' >$(root)/DEBIAN/triggers
	printf '%s\n' 'Source: ag' '' 'Package: libag-dev' 'Architecture: any' >$(BUILD)/debian/control
	depends=$$(cd $(BUILD) && dpkg-shlibdeps -O deb/usr/lib/$(multiarch)/$(soname) 2>/dev/null | \
	    sed -n 's/^shlibs:Depends=//p' | sed 's/libblis4 (/libblis4-$(flavour) | &/') && [ "$$depends" ] && \
	printf '%s\n' 'Package: libag-dev' 'Version: $(version)' "Architecture: $$(dpkg --print-architecture)" "Depends: $$depends" \
	    'Recommends: $(subst $(space),$(comma) ,$(strip libblis-$(flavour)-dev libsleef-dev zlib1g-dev $(if $(xsmm),libxsmm-dev)))' \
	    'Maintainer: the authors of ag <ag@localhost>' 'Section: libdevel' 'Priority: optional' \
	    'Description: reverse-mode automatic differentiation of tensors in C' ' Headers, shared library and archive.' \
	    $(patsubst -march=%,' For processors of the level % or newer.',$(march)) >$(root)/DEBIAN/control
	dpkg-deb --root-owner-group --build $(root) $(BUILD)/libag-dev_$(version)_$$(dpkg --print-architecture).deb
clean: ## removes every build directory and out/
	rm -rf build build-* out
help:
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-14s %s\n", $$1, $$2}' Makefile
	@echo; awk -F ' *[?]= *|# *' '/^[A-Z_]+ *[?]=.*#/{printf "  %-9s %-8s %s\n", $$1, $$2, $$3}' Makefile

.SECONDARY:
-include $(addsuffix .d,$(objects) $(fuzz_objects) $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/accuracy/*.c)) $(tests) $(faces) $(benches) $(examples) $(BUILD)/ops_md)
endif
