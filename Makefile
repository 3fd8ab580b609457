# lull: one program, plain GNU make. `make help` lists the targets.
#
#   make            the program, build/lull              make test    everything that must hold, TAP, under ten minutes
#   make demo       the whole system on one machine      make bench   the numbers, with their conditions
#
# CUDA=1 builds with the layer cuda: NVIDIA GPUs as well (needs nvcc; CUDA_ARCH lists the GPUs).
# SAN=1 builds with address, undefined and leak sanitizers, SAN=thread with the thread sanitizer; each has its own
# folder under build/. CC=clang works everywhere. OPT=-O0 is for the tests that compare compilers. The layer tpm is built where tss2 is (TPM=
# leaves it out).

CC     := $(if $(filter default,$(origin CC)),gcc,$(CC))
SAN    ?=
OPT    ?= -O2
BUILD  ?= build
B      := $(BUILD)$(if $(SAN),/san-$(SAN))$(if $(CUDA),/cuda)
PREFIX ?= /usr/local

# ---- layers: each folder, and the folders that it may include (tools/check-layers reads this table) -------------------
LAYERS := base: platform:base math:base model:math,base api:model,base seal:base net:base \
          tpm:base evidence:base blind:seal,model,math,base cuda:model,math,base coordinator:net,seal,base \
          node:net,blind,evidence,tpm,seal,api,model,math,platform,base gateway:net,blind,evidence,seal,api,model,math,base \
          cli:cuda,coordinator,node,gateway,net,blind,evidence,tpm,seal,api,model,math,platform,base
comma  := ,
TPM    ?= $(shell pkg-config --exists tss2-esys tss2-tctildr tss2-mu tss2-rc 2>/dev/null && echo 1)
# platform/linux and platform/macos are two implementations of the headers in platform/; one is built
OS     := $(if $(filter Darwin,$(shell uname -s)),macos,linux)
without := $(if $(CUDA),,cuda) $(if $(TPM),,tpm)
NAMES  := $(filter-out $(without),$(foreach l,$(LAYERS),$(firstword $(subst :, ,$(l)))))
below   = $(filter-out $(without),$(subst $(comma), ,$(word 2,$(subst :, ,$(filter $(1):%,$(LAYERS))))))

# ---- flags ------------------------------------------------------------------------------------------------------------
WARN    := -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wformat=2 \
           -Wundef -Wvla -Wwrite-strings -Wcast-qual
STD     := -std=c11 -D_GNU_SOURCE -ffp-contract=off -fno-strict-aliasing -fno-common -I.
HARDEN  := -fstack-protector-strong -fstack-clash-protection -fPIE $(if $(SAN),,-D_FORTIFY_SOURCE=2)
MACHINE := $(shell $(CC) -dumpmachine)
SANFLAG := $(if $(SAN),$(if $(filter thread,$(SAN)),-fsanitize=thread,-fsanitize=address$(comma)undefined -fno-sanitize-recover=all) -fno-omit-frame-pointer -DLULL_SANITIZED)
ifneq ($(filter x86_64%,$(MACHINE)),)
HARDEN  += -fcf-protection
ISA_avx2       := -mavx2 -mfma -mf16c
ISA_avxvnni    := -mavx2 -mfma -mf16c -mavxvnni
ISA_avx512vnni := -mavx2 -mfma -mf16c -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx512vnni
else ifneq ($(filter aarch64%,$(MACHINE)),)
ISA_neon       := -march=armv8.2-a+dotprod
ISA_neoni8mm   := -march=armv8.2-a+dotprod+i8mm
endif
isa      = $(ISA_$(lastword $(subst _, ,$(basename $(notdir $<)))))
VERSION := 0.1.0
ifdef CUDA # the kernels say each rounding themselves; the flags hold for what they leave to the compiler
NVCC      ?= nvcc
CUDA_ARCH ?= 80 90
CUDA_HOME := $(abspath $(dir $(realpath $(shell command -v $(NVCC))))/..)
CUDAFLAG  := -DLULL_CUDA -isystem $(CUDA_HOME)/include
CUDA_LIBS := -L$(CUDA_HOME)/lib64 -lcudart_static -lstdc++ -ldl -lrt
NVFLAGS   := -O3 -std=c++17 -I. -fmad=false -ftz=false -prec-div=true -prec-sqrt=true -Xcompiler -fPIE,-Wall \
             $(foreach a,$(CUDA_ARCH),-gencode arch=compute_$(a),code=sm_$(a)) \
             -gencode arch=compute_$(lastword $(CUDA_ARCH)),code=compute_$(lastword $(CUDA_ARCH))
endif
ifneq ($(TPM),)
TPMFLAG := -DLULL_TPM
TPM_LIBS := -ltss2-esys -ltss2-mu -ltss2-tctildr -ltss2-rc
endif
OS_LIBS := $(if $(filter macos,$(OS)),-framework Security -framework CoreFoundation)
# V=1 shows every command; make -s shows nothing.
Q       := $(if $(V),,@)
SAY     := $(if $(findstring s,$(firstword -$(MAKEFLAGS))),@:,@echo ' ')
CFLAGS  ?= -g
ALLCF    = $(STD) $(OPT) $(CFLAGS) $(WARN) $(HARDEN) $(SANFLAG) -DLULL_VERSION='"$(VERSION)"' $(CUDAFLAG) $(TPMFLAG)
LDHARD  := -pie -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--as-needed
BASE_LIBS := -lssl -lcrypto -lsodium -ljansson -lsqlite3 $(CUDA_LIBS) $(TPM_LIBS) $(OS_LIBS) -lpthread -lm
NET_LIBS  := -levent_core -lnghttp2 -lcurl
LIBS      := $(NET_LIBS) $(BASE_LIBS)
# what a layer's tests link with: the libraries of net only from net upwards
libs_of    = $(if $(filter net,$(1) $(call below,$(1))),$(LIBS),$(BASE_LIBS))

# ---- the targets a person calls install what is missing first (silent when nothing is) ---------------------------------
PUBLIC := all demo test bench fuzz soak install release
ifndef LULL_READY
.DEFAULT_GOAL := all
.PHONY: $(PUBLIC)
$(PUBLIC):
	@tools/setup $(if $(filter test fuzz soak,$@),tests)
	@$(MAKE) --no-print-directory LULL_READY=1 $@
else
.DEFAULT_GOAL := all
all: $(B)/lull
endif

# gcc 12's thread sanitizer cannot place its shadow where the kernel randomises addresses widely
RUN      = $(if $(filter thread,$(SAN)),setarch -R) $(B)/runner $(if $(UNDER),--limit 1500 --under $(UNDER))

# ---- objects, one static library per layer, the program ---------------------------------------------------------------
srcs = $(wildcard $(1)/*.c $(1)/$(OS)/*.c)
objs = $(patsubst %.c,$(B)/obj/%.o,$(call srcs,$(1))) $(patsubst %.cu,$(B)/obj/%.o,$(wildcard $(1)/*.cu))
$(B)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(SAY) CC $<
	$(Q)$(CC) $(ALLCF) $(isa) -MMD -MP -c $< -o $@
$(B)/obj/%.o: %.cu
	@mkdir -p $(@D)
	$(SAY) NVCC $<
	$(Q)$(NVCC) $(NVFLAGS) -MMD -MP -c $< -o $@

define layer_rules
$(B)/lib/$(1).a: $(call objs,$(1))
	@mkdir -p $$(@D) && rm -f $$@
	$$(Q)ar rcsD $$@ $$^
lib-$(1): $(B)/lib/$(1).a
tests-$(1) := $$(patsubst tests/unit/%.c,$(B)/tests/%,$$(wildcard tests/unit/$(1)/test_*.c))
$(B)/tests/$(1)/%: $(B)/obj/tests/unit/$(1)/%.o $(foreach d,$(1) $(call below,$(1)),$(B)/lib/$(d).a)
	@mkdir -p $$(@D)
	$$(Q)$$(CC) $$(SANFLAG) $$(LDHARD) $$< -Wl,--start-group $$(filter %.a,$$^) -Wl,--end-group -lcmocka -lpcre2-8 -lutf8proc $(call libs_of,$(1)) -o $$@
test-$(1): $$(tests-$(1)) $(B)/runner
	$(RUN) $$(tests-$(1))
.PHONY: lib-$(1) test-$(1)
endef
$(foreach l,$(NAMES),$(eval $(call layer_rules,$(l))))

$(B)/lull: $(foreach l,$(NAMES),$(B)/lib/$(l).a)
	$(Q)$(CC) $(SANFLAG) $(LDHARD) -Wl,--whole-archive $(B)/lib/cli.a -Wl,--no-whole-archive \
	  -Wl,--start-group $(filter-out %/cli.a,$^) -Wl,--end-group $(LIBS) -o $@

# ---- tests ------------------------------------------------------------------------------------------------------------
# The program once more, but it takes software TPMs of a CA that a test made: for e2e_tpm_attested alone, never installed.
TESTBUILD := $(patsubst %,$(B)/testbuild/%.o,evidence/tpm_policy evidence/tpm_quote_entry tests/testbuild/tpm_roots)
$(B)/testbuild/%.o: %.c
	@mkdir -p $(@D)
	$(SAY) CC $< [test build]
	$(Q)$(CC) $(ALLCF) -DLULL_TEST_TPM -MMD -MP -c $< -o $@
$(B)/lull-test-tpm: $(TESTBUILD) $(foreach l,$(NAMES),$(B)/lib/$(l).a)
	$(Q)$(CC) $(SANFLAG) $(LDHARD) $(TESTBUILD) -Wl,--whole-archive $(B)/lib/cli.a -Wl,--no-whole-archive \
	  -Wl,--start-group $(filter-out %/cli.a,$(filter %.a,$^)) -Wl,--end-group $(LIBS) -o $@

ifdef UNDER # the programs are for another processor and run under an emulator; the runner is for this one
$(B)/runner: tests/runner.c
	@mkdir -p $(@D)
	$(Q)gcc $(STD) -O2 $(WARN) $< -o $@
else
$(B)/runner: $(B)/obj/tests/runner.o
	$(Q)$(CC) $(SANFLAG) $(LDHARD) $^ -o $@
endif
ALL_LIBS   = $(foreach l,$(NAMES),$(B)/lib/$(l).a)
E2E       := $(patsubst tests/e2e/%.c,$(B)/e2e/%,$(wildcard tests/e2e/e2e_*.c))
E2E_PARTS := $(patsubst %.c,$(B)/obj/%.o,$(filter-out $(wildcard tests/e2e/e2e_*.c),$(wildcard tests/e2e/*.c)))
BENCHES   := $(patsubst tests/bench/%.c,$(B)/bench/%,$(wildcard tests/bench/bench_*.c))
$(B)/e2e/%: $(B)/obj/tests/e2e/%.o $(E2E_PARTS) $(ALL_LIBS)
	@mkdir -p $(@D)
	$(Q)$(CC) $(SANFLAG) $(LDHARD) $< $(E2E_PARTS) -Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(LIBS) -o $@
BENCH_PARTS := $(patsubst %.c,$(B)/obj/%.o,$(filter-out $(wildcard tests/bench/bench_*.c),$(wildcard tests/bench/*.c)))
$(B)/bench/%: $(B)/obj/tests/bench/%.o $(BENCH_PARTS) $(ALL_LIBS)
	@mkdir -p $(@D)
	$(Q)$(CC) $(SANFLAG) $(LDHARD) $< $(BENCH_PARTS) -Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(LIBS) -o $@

# Fuzz targets: always clang with libFuzzer, address and undefined; their libraries are a build of their own.
FUZZ_SRC := $(wildcard tests/fuzz/*/fuzz_*.c)
FUZZERS  := $(foreach f,$(FUZZ_SRC),$(B)/fuzz/$(notdir $(basename $(f))))
FUZZFLAG := -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
FB       := $(BUILD)/fuzzobj
$(FB)/%.o: %.c
	@mkdir -p $(@D)
	$(Q)clang $(STD) -O1 -g $(WARN) $(FUZZFLAG) -DLULL_VERSION='"$(VERSION)"' $(isa) -MMD -MP -c $< -o $@
define fuzz_rules
$(FB)/lib-$(1).a: $(patsubst %.c,$(FB)/%.o,$(call srcs,$(1)))
	@rm -f $$@
	$$(Q)ar rcsD $$@ $$^
$(B)/fuzz/%: $(FB)/tests/fuzz/$(1)/%.o $(foreach d,$(1) $(call below,$(1)),$(FB)/lib-$(d).a)
	@mkdir -p $$(@D)
	$$(Q)clang -fsanitize=fuzzer,address,undefined $$< -Wl,--start-group $$(filter %.a,$$^) -Wl,--end-group -Wl,--as-needed $$(LIBS) -o $$@
endef
$(foreach l,$(NAMES),$(eval $(call fuzz_rules,$(l))))
fuzz-%: $(B)/fuzz/fuzz_%
	@mkdir -p tests/fuzz/corpus/$* $(BUILD)/found/$*
	$< -max_total_time=$(or $(SECONDS_EACH),20) -timeout=10 -rss_limit_mb=2048 \
	  $(addprefix -dict=,$(wildcard tests/fuzz/dict/$*.dict)) $(BUILD)/found/$* tests/fuzz/corpus/$*

# Writes docs/benchmarks.md and its plots, of this machine; PEER_BENCH names the other engine's llama-bench.
bench-peer: $(B)/lull $(B)/bench/bench_peer
	LULL_BIN=$(B)/lull $(B)/bench/bench_peer docs/benchmarks.md docs/benchmarks

# Writes docs/blind-numbers.md and its plot.
bench-blind: $(B)/lull $(B)/bench/bench_blind
	LULL_BIN=$(B)/lull $(B)/bench/bench_blind docs/blind-numbers.md docs/blind-numbers.svg

# AArch64's kernels on this machine: the engine's tests, cross-compiled, under an emulator (qemu-user) that has sdot and smmla.
test-arm: export LULL_EMULATED = 1
test-arm:
	@$(MAKE) --no-print-directory LULL_READY=1 BUILD=$(BUILD)/arm CC=aarch64-linux-gnu-gcc UNDER=qemu-aarch64 TPM= test-bits

# What decides on bits: all of math, and of model what has numbers in it.
BITS = $(tests-math) $(patsubst %,$(B)/tests/model/test_%,engine families sampler model hparams gguf vocab_rules)
test-bits: $(BITS) $(B)/runner
	$(RUN) $(BITS)

UNIT = $(foreach l,$(NAMES),$(tests-$(l)))
ifdef LULL_READY
.PHONY: $(PUBLIC)
test: $(B)/lull $(if $(TPM),$(B)/lull-test-tpm) $(UNIT) $(E2E) $(B)/runner $(if $(SAN),,$(FUZZERS)) check-layers check-claims check-macos
	LULL_BIN=$(B)/lull LULL_SAN=$(SAN) $(RUN) $(if $(SAN),--limit 1500) $(UNIT) $(if $(SAN),,$(FUZZERS)) $(E2E)
demo: $(B)/lull
	$(B)/lull demo
soak: $(B)/lull $(B)/e2e/e2e_faults $(B)/runner
	LULL_BIN=$(B)/lull LULL_FAULTS=200 $(RUN) --limit 7200 $(B)/e2e/e2e_faults
bench: $(B)/lull $(BENCHES)
	@set -e; for b in $(BENCHES); do LULL_BIN=$(B)/lull $$b; done
fuzz: $(FUZZERS)
	@set -e; for f in $(FUZZERS); do n=$$(basename $$f); $(MAKE) --no-print-directory LULL_READY=1 fuzz-$${n#fuzz_} \
	  SECONDS_EACH=$(or $(SECONDS_EACH),60); done
release: # the same bytes wherever it is built; prints their hash and the log's leaf
	+@tools/release $(BUILD)/release
install: $(B)/lull
	install -D -m 0755 $(B)/lull $(DESTDIR)$(PREFIX)/bin/lull
	install -D -m 0644 models/lull-toy-q8_0.gguf $(DESTDIR)$(PREFIX)/share/lull/lull-toy-q8_0.gguf
endif

check-layers:
	@tools/check-layers $(LAYERS)
check-claims:
	@tools/check-claims
# Our side of platform/macos against declarations of our own (tests/macos-headers): what can be checked without Apple's SDK, and no more.
MACOS_SRC := $(wildcard platform/*.c platform/macos/*.c)
check-macos:
	@clang --target=arm64-apple-macos13 -nostdlibinc -isystem tests/macos-headers -std=c11 -I. $(WARN) -Werror -fsyntax-only $(MACOS_SRC)
	@echo "# $(words $(MACOS_SRC)) files for macOS fit our own declarations of Apple's interfaces; never yet run on hardware"
format:
	clang-format -i $(wildcard */*.c */*.h platform/*/*.c platform/*/*.h tests/*/*.c tests/*/*.h tests/*/*/*.c)
help:
	@sed -n '2,10s/^# \{0,1\}//p' Makefile
	@echo '  make soak       200 random faults                    make fuzz    every fuzz target, SECONDS_EACH=60'
	@echo '  make release    the program as anybody can build it again, its hash and its leaf for the log'
	@echo '  make lib-LAYER, make test-LAYER, make fuzz-NAME, make check-layers, make format, make install, make clean'
clean:
	rm -rf $(BUILD)
.PHONY: test-arm test-bits bench-peer bench-blind check-layers check-claims check-macos format help clean
.SECONDARY:
-include $(shell find $(B)/obj $(B)/testbuild $(FB) -name '*.d' 2>/dev/null)
