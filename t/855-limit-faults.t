#!/usr/bin/perl

# Copyright (C) Keepers

# A hundred thousand refused requests cost Redis next to nothing; a Redis that
# comes back with what it had kept goes on with it; a zone that is full of
# other people forgets, and fails nobody.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Select;
use IO::Socket::INET;
use Keepers::Test;
use Test::More;


my $redis = start_redis(conf => "appendonly yes\nappendfsync always\n");

my $nginx = start_nginx(<<'END');
    keepers_zone      1m;
    keepers_key_file  %%KEYS%%/edge.keys;
    keepers_redis     unix:%%REDIS%%;

    # a busy machine is no dead Redis
    keepers_redis_timeout  2s;

    keepers_limit_rule hour   key=$arg_who rate=5/h;
    keepers_limit_rule second key=$arg_who rate=1/s;

    server {
        listen  127.0.0.1:%%PORT%%;
        root    %%DIR%%/html;

        keepalive_requests  1000000;

        location = /hour   { keepers_limit hour; try_files /ok.txt =404; }
        location = /second { keepers_limit second; try_files /ok.txt =404; }
        location = /status { keepers_status; }
    }
END

mkdir("$nginx->{dir}/html");
spew("$nginx->{dir}/html/ok.txt", "ok\n", 0644);

my ($peer) = $nginx->{url} =~ m{//([\d.]+:\d+)};

sub value {
    my ($name) = @_;
    my ($n) = ua()->get("$nginx->{url}/status")->res->body
              =~ /^\Q$name\E (\d+)$/m;

    return $n;
}

# Calls of the script, over all workers.
sub decisions {
    my ($n) = redis_cli($redis, 'INFO', 'commandstats')
              =~ /^cmdstat_evalsha:calls=(\d+)/m;

    return $n // 0;
}

sub codes {
    my ($path, $n) = @_;

    return join(' ', map { ua()->get("$nginx->{url}/$path")->res->code }
                         1 .. $n);
}

# Requests on one connection, a hundred at a time; how many of each status.
sub pipelined {
    my (@paths) = @_;
    my $socket = IO::Socket::INET->new(PeerAddr => $peer) or die $!;
    my $select = IO::Select->new($socket);
    my %codes;

    while (my @some = splice(@paths, 0, 100)) {
        my ($text, $n) = ('', 0);

        $socket->syswrite(join('', map {
            "GET /$_ HTTP/1.1\r\nHost: localhost\r\n\r\n" } @some));

        while ($n < @some) {
            $select->can_read(20) && $socket->sysread($text, 65536,
                                                      length($text))
                or die "no answer after $n";

            while ($text =~ s{^HTTP/1\.1 (\d+) .*?\r\n\r\n}{}s) {
                my ($code, $head) = ($1, $&);
                my ($length) = $head =~ /^Content-Length: (\d+)/mi;

                if (length($text) < $length) {
                    $text = $head . $text;
                    last;
                }

                substr($text, 0, $length) = '';
                $codes{$code}++;
                $n++;
            }
        }
    }

    return \%codes;
}

ok(wait_for { value('keepers_redis_ready') }, 'Redis is ready');


# Refused again and again: it is the zone that says so

my $before = decisions();
my $codes = pipelined(('hour?who=a') x 100_000);
my $asked = decisions() - $before;

is_deeply($codes, { 200 => 5, 429 => 99_995 },
          'a hundred thousand requests, five of them admitted');
is($asked, 6, 'and Redis was asked for those and one more');

# what comes back is given: one a second, and what asks for it
$before = decisions();
my $since = time();
my %all;

while (time() - $since < 5) {
    my $some = pipelined(('second?who=a') x 200);

    $all{$_} += $some->{$_} for keys %$some;
}

my $windows = time() - $since + 1;

$asked = decisions() - $before;
cmp_ok($all{200}, '>=', 5, 'a limit of one a second admits one a second');
cmp_ok($all{200}, '<=', $windows + 1, 'and no more');
cmp_ok($asked, '<=', 2 * $windows,
       'for at most two commands a window');


# Redis comes back

is(codes('hour?who=b', 4), '200 200 200 200', 'four of five');
kill_hard($redis);
ok(wait_for { !value('keepers_redis_ready') }, 'Redis is killed');
restart($redis);
ok(wait_for { value('keepers_redis_ready') }, 'and comes back');
is(codes('hour?who=b', 2), '200 429', 'it has kept what was used');
is(codes('hour?who=a', 1), '429', 'and whom it refused');


# nginx limit_req: a full zone refuses people.
# A zone that is full

kill_hard($redis);
ok(wait_for { !value('keepers_redis_ready') }, 'Redis is killed again');

my $slots = value('keepers_table_slots{table="limits"}');

is_deeply(pipelined(map { "hour?who=other$_" } 1 .. 20 * $slots),
          { 200 => 20 * $slots }, 'many others come, and all are admitted');
is(value('keepers_table_slots_used{table="limits"}'), $slots,
   'the table is full, and no larger');
is(codes("hour?who=$_", 6), '200 200 200 200 200 429',
   'a limit holds for who asks now') for qw(c d e);

# two more in each set of eight: the oldest make room
pipelined(map { "hour?who=later$_" } 1 .. $slots / 4);
is(codes("hour?who=$_", 1), '429', 'and the newest are not forgotten first')
    for qw(c d e);

done_testing();
