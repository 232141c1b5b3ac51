#!/usr/bin/perl

# Copyright (C) Keepers

# Sentinels that hang, lie, talk nonsense, know no such name, want a password
# or are not there yet: another one is asked, and where there is none the log
# says what is wrong.  For nginx and for the writer.

# (envoyproxy/ratelimit#1015: passwords were not for Sentinels.)

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Socket::INET;
use Keepers::Certificates;
use Keepers::FakeRedis;
use Keepers::Sentinel;
use Keepers::Test;
use Keepers::Writer;
use MIME::Base64 qw(encode_base64url);
use POSIX ();
use Test::More;
use Time::HiRes qw(time);


my $dir = work_dir();
my @port = map { free_port() } 1 .. 6;
my ($closed, $fake_port, $strict_port) = @port[2, 3, 5];
my $local = "bind 127.0.0.1\n";
my $master = start_redis(conf => "${local}port $port[0]\n");
my $replica = start_redis(conf => "${local}port $port[1]\n"
                          . "replicaof 127.0.0.1 $port[0]\n");
my $good = Keepers::Sentinel->new($port[0], n => 1, password => 'swordfish',
                                  conf => "requirepass swordfish\n");
my $password = spew("$dir/sentinel.password", "swordfish\n");
my $wrong = spew("$dir/wrong.password", "swordfisk\n");
my $fake = Keepers::FakeRedis->new(listen => "$dir/fake", port => $fake_port,
                                   real => $master->{socket});

# one that takes the password of the good one
my $strict = Keepers::FakeRedis->new(listen => "$dir/strict",
    port => $strict_port,
    real => start_redis(conf => "requirepass swordfish\n")->{socket});
my $asked = 0;


# An nginx that asks these Sentinels.
sub edge {
    my ($sentinels, $arguments, $more) = @_;

    return start_nginx(<<"END" . <<'END');
    keepers_zone                   2m;
    keepers_key_file               %%KEYS%%/edge.keys;
    keepers_redis                  sentinel:main\@$sentinels $arguments;
    keepers_redis_timeout          500ms;
    keepers_redis_connect_timeout  250ms;
    keepers_session_cookie         keepers insecure;
    ${\ ($more // '')}
END
    server {
        listen 127.0.0.1:%%PORT%%;

        location / {
            keepers_session  required;
        }
    }
END
}


# A session that Redis does not have: 401 once it has said so, else 503.  Each
# is another, for what Redis does not have is known for a while.
sub code {
    my ($nginx) = @_;
    my $token = 'v1.' . encode_base64url(sprintf('%040d', ++$asked));
    my $answer = raw($nginx->{port}, "GET / HTTP/1.0\r\n"
                     . "Cookie: keepers=$token\r\n\r\n");

    return $answer =~ /^HTTP\/1\.1 (\d+)/ ? $1 : 0;
}


sub served {
    my ($nginx, $for_s) = @_;

    return wait_for { code($nginx) == 401 } $for_s // 5;
}


sub said {
    my ($nginx, $words) = @_;

    return wait_for { slurp($nginx->{error_log})
                      =~ /keepers: Redis "sentinel:main\@.*\Q$words\E/ };
}


sub named {
    my ($host, $port) = @_;

    return sprintf("*2\r\n\$%d\r\n%s\r\n\$%d\r\n%s\r\n", length($host), $host,
                   length($port), $port);
}


sub accepted { return scalar grep { /^accept$/ } $strict->seen }


# 127.0.0.1 for names of "known", silence for others (RFC 1035).
my $dns = IO::Socket::INET->new(Proto => 'udp', LocalAddr => '127.0.0.1')
    or die("cannot bind: $!\n");
my $dns_pid = fork() // die("fork: $!\n");

if ($dns_pid == 0) {
    while (my $peer = $dns->recv(my $packet, 512)) {
        $packet =~ /\x05known/ or next;
        $dns->send(pack('n6', unpack('n', $packet), 0x8180, 1, 1, 0, 0)
                   . substr($packet, 12)
                   . pack('nnnNnC4', 0xc00c, 1, 1, 60, 4, 127, 0, 0, 1), 0,
                   $peer);
    }
    POSIX::_exit(0);
}

END {
    if ($dns_pid) {
        local $?;
        kill('KILL', $dns_pid);
        waitpid($dns_pid, 0);
    }
}

my $resolver = "resolver 127.0.0.1:${\ $dns->sockport} ipv6=off;";

my %lie = (
    'a replica'         => named('127.0.0.1', $port[1]),
    'nobody'            => named('127.0.0.1', $closed),
    'port 0'            => named('127.0.0.1', 0),
    'port 65536'        => named('127.0.0.1', 65536),
    'port x'            => named('127.0.0.1', '63x9'),
    'no host'           => named('', 6379),
    'a long host'       => named('a' x 256, 6379),
    'a line as host'    => named("a\r\nSET", 6379),
    'a name unknown'    => named('redis.example', $port[0]),
    'half an address'   => named('::x', $port[0]),
    'no such name'      => "*-1\r\n",
    'nil'               => "\$-1\r\n",
    'a status'          => "+OK\r\n",
    'numbers'           => "*2\r\n:1\r\n:2\r\n",
    'one value'         => "*1\r\n\$9\r\n127.0.0.1\r\n",
    'three values'      => "*3\r\n" . ("\$1\r\n1\r\n" x 3),
    'nesting'           => "*1\r\n" . named('127.0.0.1', $port[0]),
    'a huge array'      => "*2147483647\r\n",
    'a huge string'     => "*2\r\n\$536870912\r\n" . ('x' x 9000),
    'too much'          => named('127.0.0.1', $port[0]) . "+OK\r\n",
    'no RESP'           => "HTTP/1.1 200 OK\r\n\r\n",
    'an error'          => "-ERR no\r\n",
    'LOADING'           => "-LOADING no\r\n",
    'a wrong password'  => "-NOAUTH no\r\n",
);
my %mode = ((map { $_ => "to:SENTINEL:$lie{$_}" } keys %lie),
            'it hangs' => 'hang_hello', 'it does not read' => 'deaf',
            'it closes' => 'close', 'it is no Sentinel' => 'right');

ok(wait_for { redis_cli($replica, 'role') =~ /connected/ },
   'a replica follows');

subtest 'nginx asks another one' => sub {
    my $nginx = edge("127.0.0.1:$strict_port,127.0.0.1:" . ($good->ports)[0],
                     "sentinel_password_file=$password", $resolver);

    for my $lie (sort keys %mode) {
        my $before = accepted();

        $strict->mode($mode{$lie});
        reload($nginx);
        ok(served($nginx), "$lie: served");
        cmp_ok(accepted(), '>', $before, "$lie: was asked");
    }
};

subtest 'the writer asks another one' => sub {
    my $writer = Keepers::Writer->new(
        'redis.sentinel' => "main\@127.0.0.1:$strict_port,127.0.0.1:"
                            . ($good->ports)[0],
        'redis.sentinel_password_file' => $password);

    for my $lie ('a replica', 'nobody', 'port 0', 'a long host',
                 'no such name', 'numbers', 'no RESP', 'an error',
                 'it hangs', 'it is no Sentinel')
    {
        $strict->mode($mode{$lie});

        my ($status, $text) = $writer->command('', 'spool');

        like($text, qr/^waiting=0$/m, "$lie: served") or diag($status);
    }
};

# as after a partition: nobody has told the first that it is none any more
subtest 'another is master, and the first does not know' => sub {
    my ($third, $second_port) = (free_port(), free_port());
    my $other = start_redis(conf => "${local}port $third\n");
    my $second = Keepers::FakeRedis->new(listen => "$dir/second",
        port => $second_port, real => $other->{socket},
        mode => 'to:SENTINEL:' . named('127.0.0.1', $port[0]));
    my $at = sub { scalar grep { / user=mover / }
                   split(/\n/, redis_cli($_[0], qw(client list))) };

    redis_cli($_, qw(acl setuser mover on >swordfish ~* &* +@all))
        for $master, $other;
    $fake->mode('to:SENTINEL:' . named('127.0.0.1', $port[0]));

    my $nginx = edge("127.0.0.1:$fake_port,127.0.0.1:$second_port",
                     "user=mover password_file=$password",
                     'keepers_redis_connections 3;');

    ok(served($nginx), 'served');
    ok((wait_for { $at->($master) == 4 }), 'three connections, and another '
       . 'that listens');

    $fake->mode('to:SENTINEL:' . named('127.0.0.1', $third));
    ok((wait_for { $at->($other) == 4 }), 'all go to the new one');
    ok((wait_for { $at->($master) == 0 }), 'and leave the old one');
    ok(served($nginx), 'served');

    # the second Sentinel still names the first, rightly now
    $fake->mode('to:SENTINEL:' . named('127.0.0.1', $port[1]));
    ok((wait_for { $at->($master) == 4 }), 'who names a replica is asked last');
    ok(served($nginx), 'served');
    stop($nginx, 'QUIT');
};

subtest 'names' => sub {
    $fake->mode('right');

    my $begun = time();
    my $nginx = edge("silent.example:1,known.example:" . ($good->ports)[0],
                     "sentinel_password_file=$password", $resolver);

    ok(served($nginx), 'a Sentinel has a name, another one does not resolve');
    cmp_ok(time() - $begun, '<', 4, 'and holds nobody up for long');

    $fake->mode('to:SENTINEL:' . named('redis.known', $port[0]));
    $nginx = edge("127.0.0.1:$fake_port", '', $resolver);
    ok(served($nginx), 'a Sentinel answers with a name');
};

subtest 'there is none' => sub {
    my $port = $port[4];
    my $nginx = edge("127.0.0.1:$port,127.0.0.1:$closed", '');
    my $begun = time();

    is(code($nginx), 503, 'refused') for 1 .. 10;
    cmp_ok(time() - $begun, '<', 3, 'at once');
    ok(said($nginx, 'no Sentinel answers'), 'with the reason');

    my $late = Keepers::FakeRedis->new(listen => "$dir/late", port => $port,
        real => $master->{socket},
        mode => 'to:SENTINEL:' . named('127.0.0.1', $port[0]));

    ok(served($nginx, 2), 'served when one comes');
    ok(said($nginx, 'is back'), 'as the log says');
};

# whoever is the only one, and wrong
for my $case (['no such name', '', 'no Sentinel knows its name, or they are '
                                   . 'none: see "keepers_redis"'],
              ['it is no Sentinel', '', 'no Sentinel knows its name'],
              ['a wrong password', '', 'the Sentinels refuse us: see '
                                       . '"sentinel_user="'],
              ['a replica', '', 'it is a replica'],
              ['nobody', '', 'no connection'],
              ['it hangs', '', 'no Sentinel answers'])
{
    my ($lie, $arguments, $words) = @$case;

    subtest "alone: $lie" => sub {
        $fake->mode($mode{$lie});

        my $nginx = edge("127.0.0.1:$fake_port", $arguments);

        is(code($nginx), 503, 'refused');
        ok(said($nginx, $words), 'the log says why')
            or diag(slurp($nginx->{error_log}));
        $fake->mode('to:SENTINEL:' . named('127.0.0.1', $port[0]));
        ok(served($nginx), 'served when it is mended');
        stop($nginx, 'QUIT');
    };
}

subtest 'passwords' => sub {
    my $address = '127.0.0.1:' . ($good->ports)[0];

    for my $case (['', 'the Sentinels refuse us'],
                  ["sentinel_password_file=$wrong", 'the Sentinels refuse us'],
                  ["sentinel_user=nobody sentinel_password_file=$password",
                   'the Sentinels refuse us'])
    {
        my $nginx = edge($address, $case->[0]);

        is(code($nginx), 503, "refused: $case->[0]");
        ok(said($nginx, $case->[1]), 'the log says why');
    }

    my $nginx = edge($address, "sentinel_user=default "
                     . "sentinel_password_file=$password");

    ok(served($nginx), 'the right one');

    my $writer = Keepers::Writer->new('redis.sentinel' => "main\@$address",
        'redis.sentinel_password_file' => $wrong);
    my ($status, $text) = $writer->command('', 'spool');

    isnt($status, 0, 'the writer is refused too');
    like($text, qr/no Redis at "main\@.*\(sentinel_password_refused\)/,
         'and says why');
};

subtest 'a user without the right to ask who is master' => sub {
    $fake->mode('to:SENTINEL:' . named('127.0.0.1', $port[0]));
    redis_cli($master, qw(acl setuser edge on >swordfish ~* &* +@all -info));

    my $nginx = edge("127.0.0.1:$fake_port",
                     "user=edge password_file=$password");

    is(code($nginx), 503, 'refused');
    ok(said($nginx, 'INFO refused: see the ACL of "user="'), 'with words');
    redis_cli($master, qw(acl setuser edge +info));
    ok(served($nginx), 'with it, served');
};

subtest 'TLS' => sub {
    my $ca = Keepers::Certificates->new("$dir/tls");
    my $pair = $ca->issue('redis', san => 'DNS:redis.test');
    my $tls_port = free_port();
    my $tls = "tls-cert-file $pair->{certificate}\n"
            . "tls-key-file $pair->{key}\ntls-ca-cert-file ${\ $ca->file}\n"
            . "tls-auth-clients no\ntls-replication yes\n";
    my $redis = start_redis(conf => "${local}tls-port $tls_port\n$tls");
    my $sentinels = Keepers::Sentinel->new($tls_port, n => 1,
                                           conf => $tls, tls => $ca->file);
    my $address = '127.0.0.1:' . ($sentinels->ports)[0];
    my $trust = 'keepers_redis_ssl_trusted_certificate ' . $ca->file . ';';
    my $nginx = edge($address, 'ssl',
                     "$trust keepers_redis_ssl_name redis.test;");

    ok(served($nginx), 'Sentinel and Redis over TLS');

    $nginx = edge($address, 'ssl',
                  "$trust keepers_redis_ssl_name other.test;");
    is(code($nginx), 503, 'a Sentinel of another name is not asked');
    ok(said($nginx, 'its certificate is of another name'), 'as the log says');

    my %ini = ('redis.sentinel' => "main\@$address", 'redis.tls' => 1,
               'redis.tls_ca' => $ca->file);
    my ($status, $text) = Keepers::Writer->new(%ini,
        'redis.tls_name' => 'redis.test')->command('', 'spool');

    like($text, qr/^waiting=0$/m, 'the writer over TLS') or diag($text);
    ($status, $text) = Keepers::Writer->new(%ini)->command('', 'spool');
    like($text, qr/\[redis\] tls = 1 with sentinel needs tls_name/,
         'which wants a name');
};

subtest 'what the writer does not take' => sub {
    my $many = join(',', map { "127.0.0.1:$_" } 1 .. 9);

    for my $case (['redis.sentinel' => 'main', 'begin with a name and "@"'],
                  ['redis.sentinel' => '@127.0.0.1', 'begin with a name'],
                  ['redis.sentinel' => 'ma in@127.0.0.1', 'begin with a name'],
                  ['redis.sentinel' => 'main@', 'something else than host'],
                  ['redis.sentinel' => 'main@a,', 'something else than host'],
                  ['redis.sentinel' => 'main@a:0', 'something else than host'],
                  ['redis.sentinel' => 'main@[::1', 'something else'],
                  ['redis.sentinel' => 'main@unix:/x', 'something else'],
                  ['redis.sentinel' => "main\@$many", 'these are too many'],
                  ['redis.sentinel' => 'main@a', 'has sentinel, and socket or '
                   . 'host: keep one', 'redis.host' => 'b'],
                  ['redis.sentinel_user' => 'a', 'need sentinel'],
                  ['redis.sentinel_password_file' => $password, 'need sen'])
    {
        my ($key, $value, $words, @more) = @$case;
        my ($status, $text) = Keepers::Writer->new($key => $value, @more)
                                             ->command('', 'check-config');

        isnt($status, 0, "refused: $value");
        like($text, qr/\[redis\] .*\Q$words\E/, 'with words');
    }

    for my $right ('main@a', 'main@[::1],[::2]:26380,b.example:1',
                   'a.b-c_D9@' . join(',', map { "127.0.0.1:$_" } 1 .. 8))
    {
        my ($status, $text) = Keepers::Writer->new('redis.sentinel' => $right)
                                             ->command('', 'check-config');

        is($status, 0, "taken: $right") or diag($text);
    }
};

done_testing();
