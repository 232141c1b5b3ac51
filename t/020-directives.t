#!/usr/bin/perl

# Copyright (C) Keepers

# Each directive has a page, each page a directive; what the page says of
# contexts, defaults and arguments is what is compiled, and its example loads.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Keepers::Certificates;
use Keepers::Test;
use Test::More;

my $root = $Keepers::Test::root;
my $http = "$root/ngx_keepers_module/http";

my $ca = Keepers::Certificates->new(work_dir() . '/tls');
my $mine = $ca->issue('edge', san => 'DNS:edge.test');

my %table = table(slurp("$http/ngx_keepers_module.c"));
my %default = defaults();

my @pages = map { m{([^/]+)\.md$} } glob("$root/docs/directives/*.md");

cmp_ok(scalar keys %table, '>', 20, 'the table of directives was found');
is_deeply([sort @pages], [sort keys %table], 'a page a directive');

subtest($_ => \&page, $_) for sort @pages;
subtest('variables' => \&variables);
subtest('README' => sub { example(slurp("$root/README.md")) });
subtest('the guide to sessions'
        => sub { example(slurp("$root/docs/sessions.md")) });
subtest('links' => \&links);

done_testing();


# name => { flags, field }, from the table of the module
sub table {
    my ($text) = @_;
    my %table;

    my %word = (NGX_KEEPERS_MAIN => ['http'],
                NGX_KEEPERS_SRV => ['http', 'server'],
                NGX_KEEPERS_ANY => ['http', 'server', 'location'],
                NGX_KEEPERS_LOC => ['location']);

    while ($text =~ /\{\s*ngx_string\("(keepers_\w+)"\),\s*
                     (\w+)\|([A-Z0-9_|]+),(.*?)\}/gsx)
    {
        my ($name, $context, $flags, $rest) = ($1, $2, $3, $4);

        $table{$name} = { context => $word{$context}, flags => $flags };
        $table{$name}{field} = $1
            if $rest =~ /_field\((?:redis\.)?(\w+)\)/;
    }

    return %table;
}


# What the code falls back to, by field; times in the unit of the field.
sub defaults {
    my $text = slurp("$http/ngx_keepers_conf.c")
             . slurp("$http/../redis/ngx_keepers_redis_tls_conf.c");
    my %constant = $text =~ /^#define (NGX_KEEPERS_\w+)\s+(\d+)$/mg;
    my %default;

    $constant{NGX_KEEPERS_SESSION_OFF} = 0;

    while ($text =~ /ngx_conf_merge_\w*value\(
                     conf->(\w+),\s*prev->\w+,\s*([^;]+?)\);/gx)
    {
        $default{$1} = $2;
    }

    while ($text =~ /ngx_conf_init_\w*value\(
                     (?:kmcf->(?:redis\.)?|conf->)(\w+),\s*([^;]+?)\);/gx)
    {
        $default{$1} = $2;
    }

    for (values %default) {
        s/\b([A-Z_]{4,})\b/$constant{$1} \/\/ $1/ge;
        $_ = eval($_) if /^[\d *]+$/;
        s/^"(.*)"$/$1/;
    }

    return %default;
}


# "30m" in milliseconds or seconds, as the field's name says; "16k" in bytes
sub number {
    my ($value, $field) = @_;
    my %ms = (ms => 1, s => 1000, m => 60000, h => 3600000, d => 86400000);

    return $value eq 'on' ? 1 : 0 if $value =~ /^(on|off|deny)$/;
    return $1 * 1024 if $field =~ /size/ && $value =~ /^(\d+)k$/;

    my ($n, $unit) = $value =~ /^(\d+)(ms|s|m|h|d)$/ or return $value;

    return $field =~ /_s$/ ? $n * $ms{$unit} / 1000 : $n * $ms{$unit};
}


sub page {
    my ($name) = @_;
    my $text = slurp("$root/docs/directives/$name.md");
    my $row = $table{$name} or return fail("$name is a directive");

    like($text, qr/\A# \Q$name\E\n/, 'title');
    like($text, qr/^This directive appeared in version \d+\.\d+\.\d+\.$/m,
         'since');
    like($text, qr/^## See also\n\n\S/m, 'see also');
    cmp_ok(length($_), '<=', 81, 'width') for grep {
        length > 81 && !/^\*\*Syntax|^\|/ } split(/^/, $text);

    my ($syntax) = $text =~ /^\*\*Syntax:\*\* `(.*);`<br>$/m;
    my ($default) = $text =~ /^\*\*Default:\*\* `(.*)`<br>$/m;
    my ($context) = $text =~ /^\*\*Context:\*\* (.*)<br>$/m;

    is_deeply([$context =~ /`(\w+)`/g], $row->{context}, 'context');
    arguments($name, $syntax, $row->{flags});
    default_value($name, $default, $row->{field});
    example($text);
}


# The number of arguments that the syntax shows is what nginx takes.
sub arguments {
    my ($name, $syntax, $flags) = @_;
    my ($word, $rest) = split(/ /, $syntax, 2);

    is($word, $name, 'syntax');
    $rest //= '';

    my $optional = () = $rest =~ /\[[^\]]*\]/g;
    (my $must = $rest) =~ s/\[[^\]]*\]//g;
    $must =~ s/ \| /|/g;
    my $count = () = $must =~ /\S+/g;

    my $is = $flags =~ /1MORE/ ? $count >= 1 && $optional > 0
           : $flags =~ /TAKE123/ ? $count == 1 && $optional == 2
           : $flags =~ /TAKE12/ ? $count == 1 && $optional == 1
           : $flags =~ /NOARGS\|NGX_CONF_TAKE1/ ? $count == 0 && $optional == 1
           : $flags =~ /NOARGS/ ? $count == 0 && $optional == 0
           : $flags =~ /FLAG/ ? $must eq 'on|off'
           : $flags =~ /TAKE1$/ ? $count == 1 && $optional == 0
           : 0;

    ok($is, "arguments: \"$syntax\" and $flags");
}


sub default_value {
    my ($name, $written, $field) = @_;
    my %other = (keepers_session => 'session',
                 keepers_session_cookie => 'cookie',
                 keepers_session_error => 'stale_ms',
                 keepers_session_remember => 'remember_s');

    $field //= $other{$name};

    my $compiled = $default{$field // ''};

    if (!defined $compiled || $compiled =~ /^(NULL|)$/) {
        return is($written, '-', 'default: none');
    }

    my ($value) = $written =~ /^\Q$name\E (\S+);$/;

    is(number($value // '', $field), $compiled, 'default');
}


# Every link between our documents leads somewhere, anchors too.
sub links {
    for my $page (glob("$root/*.md $root/docs/*.md $root/docs/*/*.md")) {
        my ($dir, $name) = $page =~ m{^(.*)/(?:\Q$root\E/)?([^/]+)$};

        for (slurp($page) =~ /\]\(([^)\s]+)\)/g) {
            next if /^https?:/;

            my ($file, $anchor) = /^([^#]*)#?(.*)$/;
            my $target = $file eq '' ? $page : "$dir/$file";

            ok(-e $target, "$name: $_") or next;
            ok(grep({ $_ eq $anchor } anchors(slurp($target))),
               "$name: $_, the anchor") if $anchor ne '';
        }
    }
}


# "## Keys and their rotation" is #keys-and-their-rotation
sub anchors {
    return map { s/[^\w\s-]//g; s/ /-/g; lc } $_[0] =~ /^#+ (.*)$/mg;
}


# The inside of http { }, with what the example left out.
sub example {
    my ($text) = @_;
    my @fences = $text =~ /^```nginx\n(.*?)^```$/msg;

    ok(scalar @fences, 'an example') or return;
    complete($_) for @fences;
    return;
}


sub complete {
    my ($conf) = @_;

    $conf =~ s/^load_module .*\n//m;

    return loads($conf) if $conf =~ /^http/m;

    my %line = (keepers_zone => 'keepers_zone 1m;',
                keepers_key_file => 'keepers_key_file /etc/keepers/edge.keys;',
                keepers_writer_key =>
                    'keepers_writer_key /etc/keepers/writer.pub;',
                keepers_redis => 'keepers_redis unix:/none/redis.sock;');

    for (sort keys %line) {
        $conf = "$line{$_}\n$conf" unless $conf =~ /^\s*$_\s/m;
    }

    $conf .= "upstream keepers_writer { server unix:/none/writer.sock; }\n"
        if $conf =~ m{keepers_writer[;/]} && $conf !~ /^upstream/m;

    # with a server of its own, so that what it sets is used
    $conf .= "server { listen 8080; location / { keepers_session required; } }"
        unless $conf =~ /^server/m;

    return loads($conf);
}


sub loads {
    my ($conf) = @_;
    my $keys = keys_dir();

    spew("$keys/redis-edge.password", "secret\n");
    spew("$keys/sentinel.password", "secret\n");
    spew("$keys/redis-ca.pem", slurp($ca->file));
    spew("$keys/edge.pem", slurp($mine->{certificate}));
    spew("$keys/edge.key", slurp($mine->{key}));

    $conf =~ s{/etc/keepers/}{$keys/}g;
    $conf =~ s{/usr/share/keepers/pages/}{$root/conf/pages/}g;
    $conf =~ s{listen 8080}{listen unix:%%DIR%%/listen.sock}g;

    my ($status, $words) = nginx_test($conf);

    is($status, 0, 'the example loads') or diag($words);
}


# docs/variables.md names each variable, and no other of ours.
sub variables {
    my $text = slurp("$root/docs/variables.md");
    my %compiled = map { $_ => 1 }
                   map { slurp("$http/ngx_keepers_$_.c")
                             =~ /(?:variable_row|\{\ ngx_string)\(
                                 "(keepers_\w+)"/gx }
                       qw(variables limit_variables probe page_variables);

    # what stands for another one in the keys of limits, and is not for hosts
    delete @compiled{qw(keepers_limit_net keepers_limit_net_wide)};

    my %written = map { $_ => 1 } $text =~ /^## \$(keepers_\w+)$/mg;

    cmp_ok(scalar keys %compiled, '>', 10, 'variables were found');
    is_deeply([sort keys %written], [sort keys %compiled], 'a section each');
}
