#!/usr/bin/perl

# Copyright (C) Keepers

# The style that a machine can hold us to: layers, shape, banned calls, and
# that what the build lists is what there is.  (Pages of directives: 020.)

use strict;
use warnings;

use Encode qw(decode);
use File::Find;
use FindBin;
use Test::More;

my $root = "$FindBin::Bin/..";
my $module = 'ngx_keepers_module';

# What must not be called, and what is there instead.
my %banned = (
    strcpy => 'memcpy with a length, or keepers_out',
    strcat => 'keepers_out', sprintf => 'snprintf or keepers_out',
    vsprintf => 'vsnprintf', gets => 'fgets', alloca => 'a bounded array',
    getaddrinfo => 'ngx_resolver', gethostbyname => 'ngx_resolver',
    system => 'nothing: no shell', popen => 'nothing: no shell',
    strtok => 'keepers_in', atoi => 'keepers_text', rand => 'keepers_random',
    yajl_tree_parse => 'the stream parser', yajl_tree_get => 'keepers_json',
);

# Who may include which foreign headers; our own by the layer they are in.
my %foreign = (
    core => qr{^(?!ngx_|nginx|hiredis|event|sqlite|yajl/yajl_tree)},
    redis => qr{^(?!sodium|yajl|event2|sqlite)},
    http => qr{^(?!hiredis|sodium|yajl|event2|sqlite)},
    writer => qr{^(?!ngx_|nginx|hiredis|yajl/yajl_tree)},
);

my %ours = (
    core => qr{^core/}, redis => qr{^(?:core|redis)/},
    http => qr{^(?:core|redis|http)/(?!ngx_keepers_redis_int)},
    writer => qr{^(?:core|writer)/},
);

# One concern each; they meet in the tables of the module, not in each other.
# (link is the parent of signup, page serves both the page and sign-in.)
my @handlers = qw(access signin signout sessions signup limit status
                  variables);

my %text = map { $_ => read_file("$root/$_") } files();
my @c = grep { /\.(?:c|h|cc)$/ } sort keys %text;


sub files {
    my @found;

    find({ no_chdir => 1, wanted => sub {
        my $name = $_ =~ s{^\Q$root\E/?}{}r;

        if ($name =~ m{^(?:\.git|build|.*node_modules)$}) {
            $File::Find::prune = 1;

        } elsif (-f $_ && -T $_ && $name !~ m{^t/fuzz/corpus/|-lock\.json$}) {
            push(@found, $name);
        }
    } }, $root);

    return @found;
}


sub read_file {
    my ($file) = @_;

    open(my $in, '<:raw', $file) or return '';
    local $/;
    return decode('UTF-8', <$in> // '');
}


# Code without comments and strings, with its line numbers.
sub code_of {
    my ($text) = @_;

    $text =~ s{("(?:[^"\\\n]|\\.)*")|(/\*.*?\*/)}
              {defined $1 ? '""' : $2 =~ s/[^\n]//gr}gse;
    return split(/\n/, $text);
}


sub none {
    my ($name, @faults) = @_;

    ok(@faults == 0, $name) or diag(join("\n", @faults));
    return;
}


sub layer_of {
    my ($file) = @_;

    return $file =~ m{^(?:$module/)?(core|redis|http|writer)/} ? $1 : '';
}


sub layers {
    my @faults;

    for my $file (grep { layer_of($_) } @c) {
        my $layer = layer_of($file);

        while ($text{$file} =~ /^\s*#\s*include\s*(["<])([^">]+)/mg) {
            my ($kind, $name) = ($1, $2);
            my $right = $kind eq '"' ? $ours{$layer} : $foreign{$layer};

            next if $name =~ $right;
            next if $file =~ m{^writer/writer_redis} && $name =~ /^hiredis/;
            push(@faults, "$file includes $name");
        }
    }

    return @faults;
}


sub sideways {
    my $names = join('|', @handlers);
    my @faults;

    for my $file (@c) {
        my ($own) = $file =~ m{http/ngx_keepers_($names)\.c$} or next;

        while ($text{$file} =~ m{"http/ngx_keepers_($names)\.h"}g) {
            push(@faults, "$file includes the handler $1") if $1 ne $own;
        }
    }

    return @faults;
}


sub own_header_first {
    my @faults;

    for my $file (grep { layer_of($_) && /\.cc?$/ } @c) {
        my $header = $file =~ s{^$module/}{}r =~ s{\.cc?$}{.h}r;
        my ($first) = $text{$file} =~ /^#\s*include\s*"([^"]+)/m;

        next unless exists $text{$header} || exists $text{"$module/$header"};
        push(@faults, "$file: $header is not first")
            if ($first // '') ne $header;
    }

    return @faults;
}


# ngx_config.h chooses what libc declares, so it comes before any libc header.
sub nginx_first {
    return map { "$_: ngx_config.h is not first" }
           grep { $text{$_} =~ /^#\s*include\s*(["<][^">]+)/m
                  && $1 !~ m{^<ngx_config|^"(?:http|redis)/} }
           grep { layer_of($_) =~ /^(?:http|redis)$/ } @c;
}


sub shape {
    my @faults;

    for my $file (@c) {
        my @lines = split(/\n/, $text{$file}, -1);
        my $n = 0;

        push(@faults, "$file: does not open with the copyright")
            if $text{$file} !~ m{^\n/\*\n \* Copyright \(C\) Keepers\n};
        push(@faults, "$file: " . $#lines . ' lines, split it by idea')
            if $#lines > 600;
        push(@faults, "$file: a name that says nothing")
            if $file =~ /_(?:util|utils|common|misc|helpers?)\./;

        for my $line (@lines) {
            $n++;
            push(@faults, "$file:$n: wider than 80 columns")
                if length($line) > 80;
            push(@faults, "$file:$n: tab or blank at the end")
                if $line =~ /\t|[ \r]$/;
        }
    }

    return @faults;
}


sub calls {
    my $names = join('|', sort keys %banned);
    my @faults;

    for my $file (@c) {
        my @lines = code_of($text{$file});

        for my $n (0 .. $#lines) {
            push(@faults, "$file:" . ($n + 1) . ": $1: use $banned{$1}")
                if $lines[$n] =~ /(?<![\w.>])($names)\s*\(/;
            push(@faults, "$file:" . ($n + 1) . ': // comment')
                if $lines[$n] =~ m{//};
        }
    }

    return @faults;
}


# No request takes memory of the zone or gives it back: that is a lock for all
# workers, and in pieces sooner or later.
sub slab {
    return map { "$_: the zone is laid out once, in ngx_keepers_shm.c" }
           grep { layer_of($_) && !m{/ngx_keepers_shm\.c$}
                  && $text{$_} =~ /\bngx_slab_(?:c?alloc|free)\w*\s*\(/ } @c;
}


sub words {
    # written so that this file does not hold them
    my $later = join('|', 'TO' . 'DO', 'FIX' . 'ME', 'XX' . 'X', 'HA' . 'CK');
    my @faults;

    for my $file (sort keys %text) {
        push(@faults, "$file: \"$1\": do it, or file an issue")
            if $text{$file} =~ /\b($later)\b/;
        push(@faults, "$file: \"$1\" is the path of one machine")
            if $text{$file} =~ m{(?<![\w.\$\}@])(/(?:work|home|root)/\w+)};
    }

    return @faults;
}


sub headers_alone {
    # with --sanitize that of the sanitizers is the only one
    my ($nginx) = glob("$root/build/{,asan/}obj/nginx-*-gcc");
    my $src = $nginx // '/usr/share/nginx/src';
    my @incs = map { "-I$src/$_" } qw(src/core src/event src/event/modules
                                      src/os/unix objs src/http
                                      src/http/modules src/http/v2);
    my @headers = map { "$root/$_" } grep { /\.h$/ && layer_of($_) } @c;
    my $said = qx(gcc -fsyntax-only -Wall -Wextra -Werror \\
                      -Wno-unused-parameter -std=gnu11 -D_GNU_SOURCE \\
                      -I$root/$module -I$root @incs -x c @headers 2>&1);

    ok($? == 0, 'every header compiles alone') or diag($said);
    return;
}


sub config_lists {
    my %named = map { s{^\$keepers_root/}{$module/}r => 1 }
                    $text{config} =~ m{(\$keepers_root/\S+\.[ch])\b}g;
    my %there = map { $_ => 1 } grep { m{^$module/} } @c;

    none('config names every file there is',
         grep { !$named{$_} } sort keys %there);
    none('config names no other file', grep { !$there{$_} } sort keys %named);
    return;
}


sub shell {
    my @scripts = grep { /\.sh$/ || m{^\.ci/run$} } sort keys %text;

    return grep { system('bash', '-n', "$root/$_") != 0 || !-x "$root/$_" }
           grep { $_ ne 'tools/lib.sh' } @scripts;
}


none('layers', layers());
none('no handler includes another', sideways());
none('own header first', own_header_first());
none('nginx before libc', nginx_first());
none('shape of C files', shape());
none('banned calls', calls());
none('no allocation in the zone', slab());
none('nothing left for later, no path of a machine', words());
none('scripts parse and may be run', shell());
config_lists();
headers_alone();

done_testing();
