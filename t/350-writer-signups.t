#!/usr/bin/perl

# Copyright (C) Keepers

# What was answered "received" is stored, once, whatever happens to the
# writer: it is killed under load, ended in order, and met by retries.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Keepers::Load;
use Keepers::Test;
use Mojo::Promise;
use Test::More;
use Time::HiRes qw(sleep time);


my $p = start_platform(limits => 'off');
my $load = Keepers::Load->new($p);


subtest 'killed under load' => sub {
    for my $round (1 .. 6) {
        $load->run(0.6, sub { kill_hard($p->{writer}); restart($p->{writer}) });
        ok(wait_for { ua()->get("$p->{url}/readyz")->res->code == 200 },
           "round $round: it is back");
    }

    my ($lost, $doubled) = $load->lost_and_doubled;

    cmp_ok($load->received, '>', 200, 'many were received');
    is($lost, 0, 'none of them is lost');
    is($doubled, 0, 'none is there twice');
    like($load->refused, qr/^(503)?$/, 'the others were told to try again');
};

subtest 'ended in order under load' => sub {
    $load->run(0.6, sub { restart($p->{writer}) });
    ok(wait_for { ua()->get("$p->{url}/readyz")->res->code == 200 },
       'it is back');

    my ($lost, $doubled) = $load->lost_and_doubled;

    is($lost, 0, 'nothing is lost');
    is($doubled, 0, 'nor there twice');
};

subtest 'stopped and going on' => sub {
    pause($p->{writer});

    my $start = time();
    my $code = ua()->get($p->{link_url})->res->code;

    is($code, 200, 'the page needs no writer');
    cmp_ok(time() - $start, '<', 1, 'and does not wait for it');

    my $promise = $load->post_p('paused');

    Mojo::IOLoop->timer(0.3 => sub { resume($p->{writer}) });
    $promise->then(sub { is($_[0]->res->code, 202, 'who waited is received') })
            ->wait;
    is($load->stored->{paused}, 1, 'and stored');
};

subtest 'one signup many times' => sub {
    my %codes;

    Mojo::Promise->all(map {
        $load->post_p('twice', 'canary-one-key')->then(sub {
            $codes{$_[0]->res->code}++;
        })
    } 1 .. 20)->wait;

    is(join(' ', grep { !/^(202|409)$/ } keys %codes), '',
       'is received, or is on its way');
    $load->post_p('twice', 'canary-one-key')->then(sub {
        is($_[0]->res->code, 202, 'and received when asked later');
    })->wait;
    is($load->stored->{twice}, 1, 'and stored once');
};

subtest 'one address at the same moment' => sub {
    my @bodies;

    Mojo::Promise->all(map {
        my $i = $_;
        $load->{ua}->post_p($p->{link_url}
                    => { 'Idempotency-Key' => "canary-race-$i" }
                    => json => { name => 'Race',
                                 email => 'canary-race@example.org' })
           ->then(sub { push(@bodies, $_[0]->res->code . $_[0]->res->body) })
    } 1 .. 50)->wait;

    my %different = map { $_ => 1 } @bodies;

    is(join('', keys %different), "202{\"status\":\"received\"}",
       'all answers are the same bytes');
    is($load->stored->{Race}, 1, 'and it is one customer');
};

subtest 'a rush' => sub {
    # that it has accepted, 03, or not yet, 02
    my $connections = sub {
        my ($states) = @_;

        return scalar(grep { /\s(?:$states)\s+\d+\s+\Q$p->{writer_socket}\E$/ }
                           split(/\n/, slurp('/proc/net/unix')));
    };
    my (%codes, @rush, $opened);

    # all of them wait for the writer at the same time
    pause($p->{writer});
    @rush = map { $load->post_p("rush$_") } 1 .. 96;
    $_->then(sub { $codes{$_[0]->res->code}++ }) for @rush;
    Mojo::IOLoop->timer(0.5 => sub {
        $opened = $connections->('02|03');
        resume($p->{writer});
    });
    Mojo::Promise->all(@rush)->wait;

    # those of one turn of a worker share one
    is(join(' ', keys %codes), '202', 'is received');
    cmp_ok($connections->('03'), '>=', 0.9 * $opened,
           "and its connections, $opened, are kept for the next");
};

subtest 'what a signup costs the system' => sub {
    my $pid = $p->{writer}{pid};
    my $writes = sub { return slurp("/proc/$pid/io") =~ /^syscw: (\d+)$/m };
    my $read = eval { $writes->(); 1 };

    plan(skip_all => 'the system does not count writes') if !$read;

    # one transaction: a page or two each, its answer, and what all of them share
    pause($p->{writer});
    my @batch = map { $load->post_p("batch$_") } 1 .. 64;
    my ($before) = $writes->();
    Mojo::IOLoop->timer(1.5 => sub { resume($p->{writer}) });
    Mojo::Promise->all(@batch)->wait;
    my ($after) = $writes->();

    cmp_ok($after - $before, '<', 4 * 64,
           'its pages go to the disk with those of the others');
};

subtest 'the table' => sub {
    my $by_time = "hex(substr(id, 1, 6)) = printf('%012X', joined_ms)";

    cmp_ok(sql($p, 'SELECT count(*) FROM customers'), '>', 100, 'has many');
    is(sql($p, "SELECT count(*) FROM customers WHERE NOT $by_time"), 0,
       'in the order in which they joined: new ones share their pages');
};

subtest 'clients that leave' => sub {
    my $body = '{"name":"Gone","email":"canary-gone@example.org"}';
    my $head = "POST /l/corner-coffee HTTP/1.1\r\nHost: x\r\n"
               . "Content-Type: application/json\r\nContent-Length: "
               . length($body) . "\r\nIdempotency-Key: canary-gone\r\n\r\n";

    for my $length (map { $_ * 11 } 1 .. length("$head$body") / 11) {
        raw($p->{nginx}{port}, substr("$head$body", 0, $length), 0.01);
    }

    is(ua()->get("$p->{url}/readyz")->res->code, 200, 'hurt nobody');
};

done_testing();
