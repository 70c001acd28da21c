# SPDX-License-Identifier: GPL-2.0
# Kernel-owned VMAs and secret memory: see README.

ARCH ?= x86_64
CONFIG ?= proof
ARGS ?=
LONG ?=
PART ?=

.DEFAULT_GOAL := prove
.NOTPARALLEL:
# The scripts pass their own options to the kernel's make.
unexport MAKEFLAGS MFLAGS MAKELEVEL

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' Makefile | expand -t 22
	@echo "Variables: ARCH=$(ARCH) CONFIG=$(CONFIG) ARGS='$(ARGS)' LONG= KERNEL_SRC="

prove: ## build, boot, attack, print a table (ARGS=-v: every case; PART=N: only so far)
	@scripts/setup $(ARCH)
	@scripts/prove --arch $(ARCH) --config $(CONFIG) $(if $(PART),--part '$(PART)') $(ARGS)

check: ## every test of ARCH; ends with "N passed, N failed" (LONG=1: more)
	@LONG=$(LONG) ARCH=$(ARCH) scripts/check $(ARGS)

tree: ## build/linux: the base kernel and the series as commits
	@scripts/setup $(ARCH)
	@scripts/tree

export: ## write the commits of build/linux to patches/ and the mirrored files
	@scripts/export

verify: ## do patches/, mirrored files and build/linux agree, and is all clean?
	@scripts/setup x86_64 lint
	@scripts/verify
	@scripts/lint

bisect-check: ## compile every patch (PART=: of one part), for x86_64 and arm64
	@scripts/setup x86_64 arm64
	@scripts/bisect-check $(PART)

matrix: ## compile it in many configurations and for many architectures
	@scripts/setup x86_64 matrix
	@scripts/matrix

diff: ## what part N of the series changes (PART=N; ARGS=FILE...)
	@scripts/tree --keep
	@scripts/parts --diff '$(PART)' $(ARGS)

mail: ## part N as it would be posted, in build/mail/ (PART=N FROM='Name <address>')
	@scripts/setup $(ARCH) mail
	@PART='$(PART)' scripts/mail

kernel: ## build one kernel (CONFIG=proof, kasan or kcsan)
	@scripts/setup $(ARCH)
	@scripts/build --arch $(ARCH) --config $(CONFIG) $(ARGS)

boot: ## an interactive shell in the patched kernel, the selftests inside
	@scripts/setup $(ARCH)
	@set -- --tree "$$(scripts/kit)" --arch $(ARCH) --config $(CONFIG) && \
		scripts/build "$$@" >/dev/null && \
		scripts/vm "$$@" $(ARGS) $$(scripts/selftest "$$@" kernel_owned_vma \
		mm_secret_access mm_secret_lifetime mm_secret_leak | sed 's/^/-f /') -i

secrets: ## a guest's registers looked for in the host's memory, base and patched
	@scripts/setup $(ARCH)
	@scripts/secrets --arch $(ARCH)

regress: ## the tree's own selftests on base and patched kernel, side by side
	@scripts/setup $(ARCH)
	@scripts/regress --arch $(ARCH) $(ARGS)

programs: ## real programs, and their probes of the address space, base and patched (ARCH=arm64)
	@scripts/setup $(ARCH)
	@LONG=$(LONG) scripts/programs --arch $(ARCH) $(ARGS)

bench: ## count instructions on base and patched kernel (ARCH=: only that one)
	@scripts/setup x86_64 arm64 bench
	@scripts/bench $(if $(filter-out file,$(origin ARCH)),$(ARCH)) $(ARGS)

mutants: ## weakened kernels: the proof must notice each (ARGS=names)
	@scripts/setup $(ARCH)
	@ARCH=$(ARCH) scripts/mutants $(ARGS)

clean: ## remove what was built; kernel trees and downloads stay
	@scripts/clean

.PHONY: help prove check tree export verify bisect-check matrix diff mail kernel boot secrets regress programs bench mutants clean
