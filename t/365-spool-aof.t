#!/usr/bin/perl

# Copyright (C) Keepers

# A Redis with WAITAOF (7.2, Valkey) is asked whether a signup that waits in it
# is on disk before somebody is thanked; a server that has it not, that may not
# be asked, or that is late, keeps nobody waiting and loses no signup.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Keepers::FakeRedis;
use Keepers::Test;
use Mojo::Promise;
use Test::More;
use Time::HiRes qw(time);

# what a server without any of it says to Lua
my $p = start_platform(limits => 'off');
my $ua = ua()->max_connections(32);
my $n = 0;

wait_for { redis_cli($p->{redis}, 'XLEN', 'keepers:{spool}:q') eq '0' };

# between nginx and Redis, as the edge that it is
my $fake = Keepers::FakeRedis->new(listen => "$p->{dir}/fake.sock",
                                   real => $p->{redis_socket});
my $nginx = start_nginx(<<"END" . <<'END');
    keepers_zone           2m;
    keepers_key_file       $p->{dir}/keys/edge.keys;
    keepers_writer_key     $p->{dir}/keys/writer.pub;
    keepers_redis          unix:$p->{dir}/fake.sock user=edge
                           password_file=$p->{dir}/keys/redis-edge.password;
    keepers_redis_timeout  2s;
END
    server {
        listen 127.0.0.1:%%PORT%%;

        location ~ "^/l/(?<slug>[^/]+)$" {
            keepers_link            $slug;
            proxy_pass              http://127.0.0.1:9;
            proxy_intercept_errors  on;
            error_page              502 503 504 = @spool;
        }

        location @spool {
            keepers_spool;
        }

        location = /status {
            keepers_status;
        }
    }
END
my $link = "$nginx->{url}/l/corner-coffee";


sub signup_p {
    $n++;
    return $ua->post_p($link => { 'Idempotency-Key' => "aof$n" }
                       => json => { name => 'Waits',
                                    email => "canary-aof$n\@example.org" })
        ->then(sub { $_[0]->res->code });
}

sub signup {
    my $code;
    my $start = time();

    signup_p()->then(sub { $code = $_[0] })->wait;
    return ($code, time() - $start);
}

sub waiting { return redis_cli($p->{redis}, 'XLEN', 'keepers:{spool}:q') }

sub syncs {
    my ($result) = @_;
    my $text = ua()->get("$nginx->{url}/status")->res->body;

    return $text =~ /^keepers_spool_syncs_total\{result="$result"\} (\d+)$/m
           ? $1 : die("no such counter\n");
}

sub asked { return scalar(grep { $_ eq 'WAITAOF' } $fake->seen) }

# Waits while requests of ours go on.
sub until_ {
    my ($condition) = @_;
    my $until = time() + 10;

    Mojo::Promise->timer(0.02)->wait while !$condition->() && time() < $until;
    return;
}

sub connections { return scalar(grep { $_ eq 'accept' } $fake->seen) }


stop($p->{writer});
wait_for { $ua->get($link)->res->code == 200 };

subtest 'a server that has no such command' => sub {
    my $before = connections();

    is((signup())[0], 202, 'received');
    is(waiting(), 1, 'it waits');
    is(asked(), 0, 'nobody asks');
    is(connections(), $before, 'by no other connection');
    is(syncs('synced') + syncs('late'), 0, 'and nothing is counted');
    is(redis_cli($p->{redis}, 'INFO', 'errorstats') =~ /waitaof/i, '',
       'nor is it an error there');
};

subtest 'a server whose disk has it' => sub {
    my $before = connections();

    $fake->mode("aof:*2\r\n:1\r\n:0\r\n");
    is((signup())[0], 202, 'received');
    is(asked(), 1, 'it was asked');
    is(syncs('synced'), 1, 'and counted');
    is(connections(), $before + 1, 'by a connection of its own');

    my @last = grep { /^(?:SET|WAITAOF|EVALSHA)$/ } $fake->seen;

    like("@last", qr/EVALSHA (?:SET )*SET WAITAOF$/,
       'kept, marked behind it, and asked');
    is(redis_cli($p->{redis}, 'GET', 'keepers:{spool}:m'), 1, 'by a mark');
};

# Whoever comes while one is asked for was not meant by it: all of them are
# asked for once, when it is answered.
subtest 'many at once' => sub {
    my ($before, $kept) = (asked(), waiting());
    my $synced = syncs('synced') + syncs('late');
    my %codes;

    $fake->mode('aof');                         # a disk that is slow

    my @going = map { signup_p()->then(sub { $codes{$_[0]}++ }) } 1;

    until_(sub { asked() == $before + 1 });
    push(@going, map { signup_p()->then(sub { $codes{$_[0]}++ }) } 1 .. 19);
    until_(sub { waiting() == $kept + 20 });
    is(asked(), $before + 1, 'one question is under way');
    $fake->mode("aof:*2\r\n:1\r\n:0\r\n");
    Mojo::Promise->all(@going)->wait;

    is_deeply(\%codes, { 202 => 20 }, 'all are received');
    cmp_ok(asked() - $before, '>=', 2, 'the others are asked for as well');
    cmp_ok(asked() - $before, '<=', 5, 'together');
    is(syncs('synced') + syncs('late') - $synced, 20, 'and all are counted');
};

subtest 'a server whose disk has it not' => sub {
    my $late = syncs('late');

    $fake->mode("aof:*2\r\n:0\r\n:0\r\n");
    is((wait_for { (signup())[0] == 202 }), 1, 'received');
    cmp_ok(syncs('late'), '>=', $late + 1, 'and counted as late');
};

subtest 'a server that says something else' => sub {
    for my $said ("-ERR no\r\n", ":1\r\n", "*2\r\n+OK\r\n:0\r\n",
                  "*1\r\n:1\r\n", "*-1\r\n")
    {
        my $late = syncs('late');

        $fake->mode("aof:$said");
        is((signup())[0], 202, 'received: ' . ($said =~ s/\r\n/ /gr));
        cmp_ok(syncs('late'), '>', $late, 'not as if it were on disk');
    }
};

subtest 'a server that does not answer' => sub {
    my ($late, $kept) = (syncs('late'), waiting());

    $fake->mode('aof');

    my ($code, $took_s) = signup();

    is($code, 202, 'received');
    is(waiting(), $kept + 1, 'for it is kept');
    cmp_ok($took_s, '<', 10, 'soon enough');
    is(syncs('late'), $late + 1, 'and counted');
    is($ua->get($link)->res->code, 200, 'all else goes on');
};

subtest 'who leaves meanwhile' => sub {
    $fake->mode('aof');

    my @workers = workers($nginx);
    my $gone = Mojo::UserAgent->new(inactivity_timeout => 0.3);

    $gone->post($link => { 'Idempotency-Key' => 'gone' } => json =>
                { name => 'Gone', email => 'canary-gone@example.org' });
    $fake->mode("aof:*2\r\n:1\r\n:0\r\n");
    is((wait_for { (signup())[0] == 202 }), 1, 'takes nobody along');
    is_deeply([workers($nginx)], \@workers, 'and no worker');
};

subtest 'the writer is back' => sub {
    my $all = waiting();

    restart($p->{writer});
    ok((wait_for { waiting() == 0 }), 'all is taken');

    my $stored = () = sign_in($p)->get("$p->{url}/api/v1/customers?limit=200")
                          ->res->body =~ /canary-(?:aof|gone)/g;

    is($stored, $all, 'and stored, once each');
};

done_testing();
