#!/usr/bin/perl

# Copyright (C) Keepers

# The writer's Redis on another machine: links, orders and the spool go over
# TLS, to nobody who is not that Redis, and a renewed certificate needs no
# restart.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Keepers::Certificates;
use Keepers::Test;
use Test::More;


my $dir = work_dir();
my $ca = Keepers::Certificates->new("$dir/tls");
my $other = Keepers::Certificates->new("$dir/other");
my $good = $ca->issue('good', san => 'IP:127.0.0.1,DNS:redis.test');
my $mine = $ca->issue('writer', san => 'DNS:writer.test',
                      usage => 'clientAuth');
my %bad = (expired => $ca->issue('expired', san => 'IP:127.0.0.1', days => -1),
           name => $ca->issue('name', san => 'DNS:redis.test'),
           unknown => $other->issue('unknown', san => 'IP:127.0.0.1'));
my $port = free_port();
my $tls = "host=127.0.0.1\nport=$port\ntls=1\ntls_ca=${\ $ca->file}\n"
        . "tls_cert=$mine->{certificate}\ntls_key=$mine->{key}\n";
my $ini;

# that it starts at all: its links have come over TLS
my $p = start_platform(limits => 'off', conf => sub {
    my ($file) = @_;
    my $redis = $file =~ s/nginx\.conf$/redis.conf/r;

    $ini = $file =~ s/nginx\.conf$/writer.ini/r;

    spew($redis, slurp($redis) . "tls-port $port\n"
         . "tls-cert-file $good->{certificate}\ntls-key-file $good->{key}\n"
         . "tls-ca-cert-file ${\ $ca->file}\ntls-auth-clients yes\n");
    spew($ini, slurp($ini) =~ s/^\[redis\]\nsocket=.*\n/[redis]\n$tls/mr);
});

like(slurp($ini), qr/^tls=1$/m, 'the writer is told to use TLS');
like(redis_cli($p->{redis}, qw(CLIENT LIST)),
     qr/laddr=127\.0\.0\.1:$port .* user=writer /, 'and does');
ok(!(grep { /user=writer/ && !/laddr=127\.0\.0\.1:$port / }
     split(/\n/, redis_cli($p->{redis}, qw(CLIENT LIST)))), 'for all it has');


sub lines {
    my ($pattern) = @_;

    return scalar grep { /$pattern/ } split(/^/m, slurp($p->{writer_log}));
}


sub shows {
    my ($pair) = @_;

    redis_cli($p->{redis}, 'CONFIG', 'SET', 'tls-cert-file',
              $pair->{certificate}, 'tls-key-file', $pair->{key});
    redis_cli($p->{redis}, 'CLIENT', 'KILL', 'USER', 'writer');
    return;
}


sub add_link {
    my ($slug) = @_;

    my ($business) = slurp("$p->{dir}/owner.env") =~ /^BUSINESS=(.*)/m;
    my ($status) = operator($p, '', qw(link add --business), $business,
                            '--slug', $slug, '--offer', 'A cup');
    return $status;
}


sub published {
    my ($slug, $for_s) = @_;

    return wait_for { redis_cli($p->{redis}, 'EXISTS', "keepers:link:$slug")
                      eq '1' } $for_s;
}


for my $case (['expired', 'certificate_expired'],
              ['name', 'certificate_of_another_name'],
              ['unknown', 'certificate_not_trusted'])
{
    my ($name, $why) = @$case;

    subtest $name => sub {
        shows($bad{$name});
        ok(wait_for { lines(qr/state=lost why=$why /) }, 'the log says why');
        is(add_link("while-$name"), 0, 'a link is made meanwhile');
        is(redis_cli($p->{redis}, 'EXISTS', "keepers:link:while-$name"), 0,
           'it is not told to that Redis');
        is(lines(qr/state=lost why=$why /), 1, 'once');

        shows($good);
        ok(published("while-$name"), 'but to the right one, later');
    };
}

subtest 'the spool' => sub {
    stop($p->{writer});

    my $res = ua()->post($p->{link_url} => { 'Idempotency-Key' => 'waits' }
        => json => { name => 'Ada', email => 'canary-waits@example.org' })->res;

    is($res->code, 202, 'a signup while the writer is away');

    my ($status, $text) = operator($p, '', 'spool');

    like($text, qr/waiting=1/, 'waits in Redis, as the command says over TLS')
        or diag("$status: $text");

    $p->{writer} = restart($p->{writer});
    ok(wait_for { sql($p, 'select count(*) from customers') eq '1' },
       'and is stored when it is back');
};

subtest 'a renewal of its own certificate' => sub {
    my $before = slurp($mine->{certificate});
    my $stranger = $other->issue('stranger', san => 'DNS:writer.test');

    spew($mine->{$_}, slurp($stranger->{$_})) for qw(certificate key);
    redis_cli($p->{redis}, 'CLIENT', 'KILL', 'USER', 'writer');
    is(add_link('stranger'), 0, 'a link');
    ok(wait_for { lines(qr/state=lost why=closed_after_tls_handshake /) },
       'a stranger is not let in');

    $ca->issue('writer', san => 'DNS:writer.test', usage => 'clientAuth');
    isnt(slurp($mine->{certificate}), $before, 'renewed');
    ok(published('stranger'), 'the new one is, without a restart');
};

subtest 'what cannot be right' => sub {
    my $whole = slurp($ini);

    chmod(0644, $bad{name}{key});

    for my $case ([qr/^host=/m => "socket=/none\nhost=",
                   qr/\[redis\] has socket and host: remove one/],
                  [qr/^host=.*\n/m => "socket=/none\n",
                   qr/\[redis\] tls = 1 needs a host/],
                  [qr/^tls=1/m => 'tls=2', qr/\[redis\] tls \(file\) is "2"/],
                  [qr/^port=.*/m => 'port=0', qr/\[redis\] port \(file\)/],
                  [qr/^tls_ca=.*/m => 'tls_ca=/none', qr/\[redis\] tls_ca: /],
                  [qr/^tls_key=.*/m => "tls_key=$good->{key}",
                   qr/\[redis\] tls_cert and tls_key: .* a key that fits/],
                  [qr/^tls_key=.*/m => "tls_key=$bad{name}{key}",
                   qr/\[redis\] tls_cert and tls_key: .* mode 0600/],
                  [qr/^tls_cert=.*\n/m => '', qr/tls_cert and tls_key/])
    {
        my ($from, $to, $words) = @$case;

        spew($ini, $whole =~ s/$from/$to/r);
        my ($status, $text) = operator($p, '', 'check-config');

        isnt($status, 0, "refused: $to");
        like($text, $words, 'with words');
    }

    spew($ini, $whole);
};


done_testing();
