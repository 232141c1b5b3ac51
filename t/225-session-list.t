#!/usr/bin/perl

# Copyright (C) Keepers

# How many sessions a person has costs the check of one of them nothing, and the
# list of them is one question, of a bounded size, whatever stands in the index.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Socket::INET;
use Keepers::Test;
use Mojo::JSON qw(decode_json);
use Test::More;
use Time::HiRes qw(time);


use constant { MOST => 50, CHECKS => 20, LISTS => 200 };

my $p = start_platform(limits => 'off', conf => sub {
    my ($conf) = @_;
    my $file = $conf =~ s{[^/]*$}{keepers.conf}r;

    spew($file, slurp($file) . 'keepers_session_max ' . MOST . ";\n");
});

my $nginx = start_nginx(<<"END" . <<'END');
    keepers_zone            2m;
    keepers_key_file        $p->{dir}/keys/edge.keys;
    keepers_redis           unix:$p->{redis_socket} user=edge
                            password_file=$p->{dir}/keys/redis-edge.password;
    keepers_redis_timeout   2s;
    keepers_session_cookie  keepers insecure;
    keepers_session_cache   0;
    keepalive_requests      100000;
END
    server {
        listen 127.0.0.1:%%PORT%%;

        location /page/ {
            keepers_session  required;
            alias            %%DIR%%/html/;
        }

        location /sessions {
            keepers_session  required;
            keepers_sessions;
        }
    }
END

mkdir("$nginx->{dir}/html");
spew("$nginx->{dir}/html/index.html", 'MARKER', 0644);

my $first = token();


sub token {
    my ($value) = map { $_->value } grep { $_->name eq 'keepers' }
                  @{sign_in($p)->cookie_jar->all};

    return $value;
}


sub get {
    my ($path) = @_;

    return ua()->get("$nginx->{url}$path", { Cookie => "keepers=$first" })->res;
}


# Calls of the commands that sessions are made of, of what is done meanwhile;
# the writer has its own commands, from time to time.
sub costs {
    my ($what) = @_;

    pause($p->{writer});
    redis_cli($p->{redis}, qw(CONFIG RESETSTAT));
    $what->();

    my $text = redis_cli($p->{redis}, qw(INFO commandstats));

    resume($p->{writer});

    my %calls = $text =~ /^cmdstat_([^:]+):calls=(\d+)/mg;

    return join(' ', map { "$_:$calls{$_}" } grep { $calls{$_} }
                     qw(evalsha get mget pttl zcard zrange zrevrange));
}


sub check_costs {
    return costs(sub {
        my $bad = grep { $_ != 200 } map { get('/page/')->code } 1 .. CHECKS;

        is($bad, 0, 'is served each time');
    });
}


# The time of each list on one connection, in ms, sorted.
sub list_ms {
    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                       PeerPort => $nginx->{port});
    my @ms;

    for (1 .. LISTS) {
        my ($began, $in) = (time(), '');

        $socket->syswrite("GET /sessions HTTP/1.1\r\nHost: x\r\n"
                          . "Cookie: keepers=$first\r\n\r\n");

        while ($in !~ /"next":null/) {
            $socket->sysread($in, 65536, length($in)) or last;
        }

        push(@ms, 1000 * (time() - $began));
    }

    return sort { $a <=> $b } @ms;
}


sub measure {
    my ($n) = @_;
    my @ms = list_ms();

    return note(sprintf('%d sessions: a list takes %.2f ms, one in a hundred '
                        . '%.2f or more', $n, $ms[LISTS / 2],
                        $ms[LISTS * 0.99]));
}


sub items { return scalar(@{decode_json(get('/sessions')->body)->{items}}) }

# the first one renews the idle time
ok((wait_for { get('/page/')->code == 200 }), 'a session');

my $one = check_costs();

is($one, 'mget:' . CHECKS, 'which is one question each time');
is(items(), 1, 'it is the only one');
is(costs(\&items), 'evalsha:1 get:1 mget:1 pttl:1 zrevrange:1',
   'the list is a check and one more');
measure(1);

token() for 2 .. MOST;

is(items(), MOST, 'as many as one may have');
is(check_costs(), $one, 'the check of one costs what it did');
is(costs(\&items), 'evalsha:1 get:50 mget:1 pttl:50 zrevrange:1',
   'the list is one question as before');
measure(MOST);

# mod_auth_openidc 08/11/26: an index that pointed at a session that was gone.
# what nobody writes: sessions that are not there, and end after all others
my ($index) = split(/\n/, redis_cli($p->{redis}, 'KEYS', 'keepers:*:x'));

redis_cli($p->{redis}, 'ZADD', $index,
          map { (9e12 + $_, sprintf('%043d', $_)) } 1 .. 1000);

is(check_costs(), $one, 'nor does an index of a thousand cost it anything');
is(costs(\&items), 'evalsha:1 get:50 mget:1 zrevrange:1',
   'and the list looks at no more than it did');
measure(1000);
is(redis_cli($p->{redis}, 'ZCARD', $index), MOST,
   'until what is not there is gone');
is(items(), MOST, 'and all are listed again');

done_testing();
