#!/usr/bin/perl

# Copyright (C) Keepers

# While the writer is away, slow or full, signups wait in Redis, sealed, and
# are thanked for as ever; when it is back each is stored, once, in order.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Keepers::Load;
use Keepers::Test;
use MIME::Base64 qw(encode_base64);
use Mojo::JSON qw(decode_json);
use Test::More;
use Time::HiRes qw(sleep time);


my $p = start_platform(limits => 'off');
my $load = Keepers::Load->new($p);
my $queue = 'keepers:{spool}:q';
my $n = 0;


sub json {
    my ($email, %field) = @_;

    return ua()->post($p->{link_url}
                      => { 'Idempotency-Key' => $field{key} // 'k' . ++$n }
                      => json => { name => $field{name} // 'Spooled',
                                   email => $email })->res;
}


# The page's form, posted as a person does: not at once.
sub form {
    my (%field) = @_;
    my $page = ua()->get($p->{link_url})->res->dom;
    my %form = map { ($_->attr('name') => $_->attr('value') // '') }
               grep { ($_->attr('type') // '') ne 'checkbox' }
               @{$page->find('input[name]')};

    sleep(2.1);
    return ua()->post($p->{link_url} => form => { %form, %field })->res;
}


sub waiting { return redis_cli($p->{redis}, 'XLEN', $queue) }

sub dead { return redis_cli($p->{redis}, 'XLEN', 'keepers:{spool}:dead') }

sub drained { return wait_for { waiting() == 0 } }


is(json('canary-before@example.org')->code, 202, 'with the writer');
is(waiting(), 0, 'nothing waits');

# What the status says of a queue.
sub gauge {
    my ($queue) = @_;

    return ua()->get("$p->{url}/keepers/status")->res->body
           =~ /^keepers_spool_signups\{queue="$queue"\} (\d+)$/m ? $1 : 'none';
}


my ($plain, $spooled);

subtest 'the writer is away' => sub {
    $plain = json('canary-plain@example.org');
    stop($p->{writer});

    $spooled = json('canary-away@example.org');
    is($spooled->code, 202, 'JSON is received');
    is($spooled->body, $plain->body, 'with the same bytes');
    is_deeply([sort map { lc } @{$spooled->headers->names}],
              [sort map { lc } @{$plain->headers->names}],
              'and the same headers');

    my $res = form(name => 'Form Person', email => 'canary-form@example.org');

    is($res->code, 303, 'a form is thanked');
    is($res->headers->location, '/l/corner-coffee/thanks', 'on its page');
    is(waiting(), 2, 'both wait');

    is(json('canary-away@example.org', key => "k$n")->code, 202,
       'a repeat is received');
    is(waiting(), 2, 'and not kept twice');
    is(ua()->get($p->{link_url})->res->code, 200, 'the page is there');

    my $kept = redis_cli($p->{redis}, 'XRANGE', $queue, '-', '+');

    unlike($kept, qr/canary|example|Form Person/, 'nothing can be read');
    like(ua()->get("$p->{url}/keepers/status")->res->body,
         qr/^keepers_signups_total\{outcome="queued"\} 2$/m, 'it is counted');
    is(gauge('waiting'), 2, 'as waiting');
    ok((logs(qr/signup=queued/)), 'and logged');
};

subtest 'the writer is back' => sub {
    my $start = time();

    restart($p->{writer});
    ok(drained(), 'all is taken');
    cmp_ok(time() - $start, '<', 3, 'at once');

    my $times = $load->stored;

    is($times->{'Form Person'}, 1, 'the form is stored');
    is($times->{Spooled}, 3, 'and the others, each once');
};

subtest 'the writer is slow' => sub {
    pause($p->{writer});

    my $start = time();
    my $res = json('canary-slow@example.org', name => 'Slow');

    is($res->code, 202, 'a signup is received');
    cmp_ok(time() - $start, '<', 4, 'within the time of a person');
    resume($p->{writer});
    ok(drained(), 'and taken');

    # the writer may have had it from both ways: it is one signup
    is($load->stored->{Slow}, 1, 'once');
};

subtest 'the writer is killed while it drains' => sub {
    stop($p->{writer});
    ok((wait_for { $load->run(0.5); waiting() > 100 }, 30), 'many wait');
    is($load->refused, '', 'nobody was refused');

    for (1 .. 6) {
        restart($p->{writer});
        sleep(0.05 + rand(0.05));
        kill_hard($p->{writer});
    }

    restart($p->{writer});
    ok(drained(), 'all are taken in the end');

    my ($lost, $doubled) = $load->lost_and_doubled;

    is($lost, 0, 'none is lost');
    is($doubled - ($load->stored->{Spooled} > 1 ? 1 : 0), 0, 'none is doubled');
};

subtest 'what cannot be taken' => sub {
    redis_cli($p->{redis}, 'XADD', $queue, '*', 'e', 'garbage');
    redis_cli($p->{redis}, 'XADD', $queue, '*', 'x', 'y', 'z', 'w');
    redis_cli($p->{redis}, 'XADD', $queue, '*', 'x', 'y');
    stop($p->{writer});
    is(json('canary-after@example.org', name => 'After')->code, 202,
       'another one behind it');
    restart($p->{writer});
    ok(drained(), 'is not in the way of the rest');
    is($load->stored->{After}, 1, 'which is stored');
    is(dead(), 3, 'all of it is set aside');
    is(gauge('aside'), 3, 'and counted');
    like(redis_cli($p->{redis}, 'XRANGE', 'keepers:{spool}:dead', '-', '+'),
         qr/why\s+envelope.*why\s+entry.*why\s+entry/s, 'with the reason');
    ok((logs(qr/event=spool .*code=envelope/)), 'and the log says so');
    is(ua()->get("$p->{url}/readyz")->res->code, 200, 'nothing is ill');
};

subtest 'a business that cannot be written' => sub {
    my (undef, $out) = operator($p, "canary-long-password\n", 'account', 'add',
                                '--business', 'Damaged', '--email',
                                'canary-damaged@example.org', '--role',
                                'owner');
    my ($business) = $out =~ /business=(\S+)/;
    my $link = $p->{link_url} =~ s/corner-coffee/damaged/r;

    operator($p, '', 'link', 'add', '--business', $business, '--slug',
             'damaged', '--offer', 'Tea');
    wait_for { ua()->get($link)->res->code == 200 };
    stop($p->{writer});

    my $whole = sql($p, "select hex(wrapped) from businesses "
                    . "where name = 'Damaged'");

    sql($p, "update businesses set wrapped = zeroblob(length(wrapped)) "
        . "where name = 'Damaged'");

    is(ua()->post($link => { 'Idempotency-Key' => 'damaged' }
                  => json => { name => 'Left', email => 'l@example.org' })
           ->res->code, 202, 'its signup waits');

    for my $n (1 .. 100) {
        is(json("canary-behind$n\@example.org", name => "Behind$n")->code, 202,
           'another one behind it');

        # who comes in the same millisecond has no order
        sleep(0.002);
    }

    restart($p->{writer});
    ok((wait_for { waiting() == 1 }), 'all others are taken');
    is(json('canary-beside@example.org', name => 'Beside')->code, 202,
       'the writer goes on');

    my @order = map { /^Behind(\d+)$/ } reverse $load->names;

    is("@order", "@{[1 .. 100]}", 'in the order they came in');

    stop($p->{writer});
    sql($p, "update businesses set wrapped = x'$whole' where name = 'Damaged'");
    restart($p->{writer});
    ok(drained(), 'once it is mended its signup is taken too');
    is(dead(), 3, 'nothing was set aside');
};

subtest 'a writer with a wrong key' => sub {
    my ($file) = slurp("$p->{dir}/conf/writer.ini") =~ /^key\s*=\s*(\S+)/m;
    my $key = slurp($file);

    stop($p->{writer});
    is(json("canary-key$_\@example.org", name => "Key$_")->code, 202,
       'received') for 1 .. 3;

    # so many wait that there is no room to set all aside
    redis_cli($p->{redis}, 'EVAL', "local e = redis.call('XRANGE', KEYS[1], "
              . "'-', '+', 'COUNT', 1)[1][2][2] for i = 1, 10050 do "
              . "redis.call('XADD', KEYS[1], '*', 'e', e) end", 1, $queue);

    spew($file, encode_base64(join('', map { chr(rand(256)) } 1 .. 32), '')
                . "\n");
    restart($p->{writer});
    ok((wait_for { dead() == 10000 }), 'all is set aside that has room');
    ok((wait_for { (logs(qr/event=spool dead=full/)) }), 'the log says so');
    is(waiting() + dead(), 10056, 'and nothing is cut off');
    sleep(5);
    is(scalar(my @said = logs(qr/event=spool dead=full/)), 1, 'once');

    stop($p->{writer});
    spew($file, $key);
    restart($p->{writer});
    ok(drained(), 'with the right key those that wait are taken');
    like((operator($p, '', 'spool', 'requeue'))[1], qr/^requeued=9998$/m,
         'and the others when they are put back');
    ok(drained(), 'as well');
    is(dead(), 3, 'all of them, save what nobody can read');
    like(redis_cli($p->{redis}, 'XRANGE', 'keepers:{spool}:dead', '-', '+'),
         qr/why\s+entry.*why\s+entry/s, 'whose reasons are kept');
    is($load->stored->{"Key$_"}, 1, 'each is stored once') for 1 .. 3;
    like((operator($p, '', 'spool', 'burn'))[1], qr/"spool burn" is unknown/,
         'a wrong command is told so');
};

subtest 'a full spool' => sub {
    my $conf = slurp($p->{nginx_conf} =~ s/nginx\.conf$/keepers-locations.conf/r);

    spew($p->{nginx_conf} =~ s/nginx\.conf$/keepers-locations.conf/r,
         $conf =~ s/^    keepers_spool;/    keepers_spool max=2;/mr);
    reload($p->{nginx});
    stop($p->{writer});

    my @codes = map { json("canary-full$_\@example.org")->code } 1 .. 4;

    is("@codes", '202 202 503 503', 'refuses, and drops nothing');

    my $res = form(name => 'Kept Person', email => 'canary-kept@example.org');

    is($res->code, 503, 'a form');
    is($res->dom->at('input[name=name]')->attr('value'), 'Kept Person',
       'has its values again');
    is($res->headers->header('Retry-After'), 5, 'and a time');
    ok(!$res->headers->header('Location'), 'nobody is thanked');
};

subtest 'both are away' => sub {
    stop($p->{redis});

    my $res = json('canary-both@example.org');

    is($res->code, 503, 'a signup is not taken');
    is(decode_json($res->body)->{status}, 503, 'and told so');
};

done_testing();
