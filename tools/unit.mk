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
TESTS := $(wildcard $(patsubst %,t/unit/test_%.c,$(or $(TARGETS),*)))
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

# The codec of redis/ is tried as it is, against nginx's own headers, which
# tools/build.sh has made, and t/fuzz/nginx_shim.c in the place of nginx.
CODEC := $(patsubst %,$(DIR)/t/fuzz/fuzz_%,resp command)
NGINX = $(or $(firstword $(wildcard build/obj/nginx-* \
                                    build/asan/obj/nginx-*)),\
             $(error build first: ./build.sh build))
NGINX_FLAGS = $(patsubst %,-isystem $(NGINX)/src/%,core event event/modules \
                                                   os/unix) \
              -isystem $(NGINX)/objs
SHIM := $(DIR)/t/fuzz/nginx_shim.o \
        $(patsubst %,$(DIR)/$(ROOT)/redis/ngx_keepers_redis_%.o,codec \
                                                             command log)

CORE := $(patsubst %.c,$(DIR)/%.o,$(wildcard $(ROOT)/core/*.c))
PROGRAMS := $(TESTS:%.c=$(DIR)/%)

# cmocka and libFuzzer call functions that no header declares
FLAGS := -std=gnu11 -g -O1 -fno-omit-frame-pointer -D_GNU_SOURCE -I$(ROOT) \
         -I. $(SANITIZE) $(CFLAGS)

all: $(PROGRAMS)

list:
	@printf '%s\n' $(PROGRAMS)

$(SHIM) $(CODEC:%=%.o): HEADERS = $(NGINX_FLAGS)
$(CODEC): LIBS += -lhiredis
$(CODEC): $(SHIM)

$(PROGRAMS): %: %.o $(CORE) $(MAIN)
	@$(CC) $(SANITIZE) $(LINK) -o $@ $^ $(LIBS)

$(DIR)/$(ROOT)/%.o: $(ROOT)/%.c
	@mkdir -p $(@D)
	@$(CC) $(FLAGS) $(HEADERS) $(WARNINGS) -MMD -MP -c -o $@ $<

$(DIR)/t/%.o: t/%.c
	@mkdir -p $(@D)
	@$(CC) $(FLAGS) $(HEADERS) \
	    $(filter-out -Wmissing-prototypes,$(WARNINGS)) -MMD -MP -c -o $@ $<

.PHONY: all list
.SECONDARY:

-include $(CORE:.o=.d) $(SHIM:.o=.d) $(PROGRAMS:=.d) $(MAIN:.o=.d)
