#
# Copyright (C) Keepers
#
# Makefile of keepers-writer: writer/*.c, writer/*.cc and core/*.c.  Called by
# tools/build.sh, which passes OUT, CC, WARNINGS, HARDENING, CFLAGS, LDFLAGS.
# The libraries are listed in writer/libs.txt.

OUT ?= build
CC ?= gcc
CXX := $(if $(findstring clang,$(CC)),clang++,g++)

DIR := $(OUT)/obj/writer-$(notdir $(firstword $(CC)))
ROOT := ngx_keepers_module

C := $(wildcard writer/*.c) $(wildcard $(ROOT)/core/*.c)
CXX_FILES := $(wildcard writer/*.cc)
OBJS := $(C:%.c=$(DIR)/%.o) $(CXX_FILES:%.cc=$(DIR)/%.o)
LIBS := $(shell sed 's/\#.*//' writer/libs.txt)

# Two warnings exist only in C.
CXX_WARNINGS := $(filter-out -Wstrict-prototypes -Wmissing-prototypes, \
                $(WARNINGS))

FLAGS := -g -fPIE -pthread -D_GNU_SOURCE -I$(ROOT) -I. $(HARDENING) \
         $(CFLAGS)

# The objects of other flags are not ours.
STAMP := $(DIR)/flags
NOW := $(CC) $(FLAGS) $(WARNINGS) $(LDFLAGS) $(LIBS)

$(OUT)/keepers-writer: $(OBJS) $(STAMP) writer/libs.txt
	@echo "build: linking $@"
	@$(if $(CXX_FILES),$(CXX),$(CC)) -pie -pthread -Wl,-z,relro -Wl,-z,now \
	    $(CFLAGS) $(LDFLAGS) -o $@.new $(OBJS) $(LIBS)
	@mv $@.new $@

$(STAMP): always
	@mkdir -p $(DIR)
	@echo '$(NOW)' | cmp -s - $@ || echo '$(NOW)' >$@

$(DIR)/%.o: %.c $(STAMP)
	@mkdir -p $(@D)
	@echo "build: $<"
	@$(CC) -std=gnu11 $(FLAGS) $(WARNINGS) -MMD -MP -c -o $@ $<

$(DIR)/%.o: %.cc $(STAMP)
	@mkdir -p $(@D)
	@echo "build: $<"
	@$(CXX) -std=c++17 $(FLAGS) $(CXX_WARNINGS) -MMD -MP -c -o $@ $<

# its .incbin is no #include
$(DIR)/writer/writer_password.o: writer/writer_password_list.txt

.PHONY: always

-include $(OBJS:.o=.d)
