#!/usr/bin/perl

# Copyright (C) Keepers

# A link is open, closed, deleted, or was never there; the page tells the
# first two apart from the rest, and the rest not from each other.  It is
# there without Redis, and without the writer.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Keepers::Test;
use Test::More;


my $p = start_platform(limits => 'off');


sub get { return ua()->get("$p->{url}/l/$_[0]")->res }

sub writer_ready {
    return ua()->get('http+unix://' . ($p->{writer_socket} =~ s{/}{%2F}gr)
                     . '/readyz')->res->code;
}

sub link_do {
    my ($status) = operator($p, '', 'link', split(' ', $_[0]));

    return $status == 0;
}

sub bare {
    my ($res) = @_;

    return join("\n", $res->code, (map { "$_: " . $res->headers->header($_) }
        grep { $_ ne 'Date' } sort @{$res->headers->names}), $res->body);
}


subtest 'closed' => sub {
    ok(link_do('close --slug corner-coffee-club'), 'a link is closed');
    ok(wait_for { get('corner-coffee-club')->code == 410 }, 'within seconds');

    my $res = get('corner-coffee-club');

    is($res->dom->at('form'), undef, 'there is no form');
    like($res->body, qr/Corner Coffee/, 'but a page');

    $res = ua()->post($p->{link2_url} => form => { email => 'a@b.example' })
        ->res;
    is($res->code, 410, 'a late signup gets the same');

    $res = ua()->post($p->{link2_url} => { 'Content-Type' => 'application/json',
                      'Idempotency-Key' => 'k' } => '{}')->res;
    is($res->code, 410, 'in JSON, too');
    is($res->json->{code}, 'link_closed', 'with a code');

    ok(link_do('open --slug corner-coffee-club'), 'it is opened again');
    ok(wait_for { get('corner-coffee-club')->code == 200 }, 'within seconds');
};

subtest 'closed between page and signup' => sub {
    my $page = get('corner-coffee-club');

    sleep(3);
    ok(link_do('close --slug corner-coffee-club'), 'it is closed');

    my $res = ua()->post($p->{link2_url} => form => {
        token => $page->dom->at('[name=token]')->{value},
        email => 'late@example.com' })->res;

    is($res->code, 410, 'the writer, who knows it first, refuses');
    is($res->dom->at('form'), undef, 'without a form');
    ok(link_do('open --slug corner-coffee-club'), 'it is opened again');
    ok(wait_for { get('corner-coffee-club')->code == 200 }, 'for the rest');
};

subtest 'deleted' => sub {
    ok(link_do('delete --slug corner-coffee-club'), 'a link is deleted');
    ok(wait_for { get('corner-coffee-club')->code == 404 }, 'within seconds');
    is(bare(get('corner-coffee-club')), bare(get('never-was')),
       'as if it never was');
    is(bare(get('%2e%2e%2e')), bare(get('never-was')), 'so is what is no link');
};

subtest 'a Redis that takes nothing' => sub {
    my $state = qr/event=redis state=/;
    my $before = () = logs($state);

    redis_cli($p->{redis}, 'CONFIG', 'SET', 'maxmemory', 1);
    link_do('close --slug corner-coffee');
    ok((wait_for { logs($state) > $before }), 'is noticed');
    sleep(2);

    my $said = () = logs($state);

    is($said, $before + 1, 'said once, though it accepts connections');
    is(writer_ready(), 503, 'the writer is not ready');

    redis_cli($p->{redis}, 'CONFIG', 'SET', 'maxmemory', 0);
    ok((wait_for { get('corner-coffee')->code == 410 }),
       'the change comes when it takes something again');
    ok((wait_for { writer_ready() == 200 }), 'and the writer is ready');
    link_do('open --slug corner-coffee');
    ok((wait_for { get('corner-coffee')->code == 200 }), 'as before');
};

subtest 'without Redis' => sub {
    is(get('corner-coffee')->code, 200, 'a page that was shown');
    kill_hard($p->{redis});
    is(get('corner-coffee')->code, 200, 'is shown');
    sleep(6);
    is(get('corner-coffee')->code, 200, 'however old it is');

    my $res = get('not-seen-yet');

    is($res->code, 503, 'another one may be there');
    ok($res->headers->header('Retry-After'), 'later');
    like($res->headers->header('Content-Security-Policy'), qr/'none'/,
         'strictly');

    restart($p->{redis});
    ok(wait_for { get('not-seen-yet')->code == 404 },
       'Redis is back, so is this');
};

subtest 'what is not ours in Redis' => sub {
    redis_cli($p->{redis}, 'SET', 'keepers:link:injected', 'junk');
    is(get('injected')->code, 503, 'is not shown');
};

subtest 'without the writer' => sub {
    kill_hard($p->{writer});
    is(get('corner-coffee')->code, 200, 'the page is there');
};

done_testing();
