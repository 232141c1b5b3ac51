#
# Copyright (C) Keepers
#
# Makefile of the unit tests and the fuzz targets; called by tools/unit.sh.
# Always with sanitizers, and without optimization that hides a line.

OUT ?= build
CC ?= gcc
DIR := $(OUT)/$(KIND)-$(notdir $(firstword $(CC)))
ROOT := ngx_keepers_module
LIBS := -lsodium -lyajl -lunistring -lidn2 -lm

SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=undefined
MAIN :=

ifeq ($(KIND),unit)
TESTS := $(wildcard t/unit/test_*.c)
LIBS += -lcmocka
else
TESTS := $(wildcard $(patsubst %,t/fuzz/fuzz_%.c,$(or $(TARGETS),*)))
endif

ifeq ($(KIND),replay)
MAIN := $(DIR)/t/fuzz/replay.o
endif

ifeq ($(KIND),fuzz)
SANITIZE += -fsanitize=fuzzer-no-link
LINK := -fsanitize=fuzzer
endif

CORE := $(patsubst %.c,$(DIR)/%.o,$(wildcard $(ROOT)/core/*.c))
PROGRAMS := $(TESTS:%.c=$(DIR)/%)

# cmocka and libFuzzer call functions that no header declares
FLAGS := -std=gnu11 -g -O1 -fno-omit-frame-pointer -D_GNU_SOURCE -I$(ROOT) \
         -I. $(SANITIZE)

all: $(PROGRAMS)

list:
	@printf '%s\n' $(PROGRAMS)

$(PROGRAMS): %: %.o $(CORE) $(MAIN)
	@$(CC) $(SANITIZE) $(LINK) -o $@ $^ $(LIBS)

$(DIR)/$(ROOT)/%.o: $(ROOT)/%.c
	@mkdir -p $(@D)
	@$(CC) $(FLAGS) $(WARNINGS) -MMD -MP -c -o $@ $<

$(DIR)/t/%.o: t/%.c
	@mkdir -p $(@D)
	@$(CC) $(FLAGS) $(filter-out -Wmissing-prototypes,$(WARNINGS)) -MMD -MP \
	    -c -o $@ $<

.PHONY: all list
.SECONDARY:

-include $(CORE:.o=.d) $(PROGRAMS:=.d) $(MAIN:.o=.d)
