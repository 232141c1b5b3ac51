#!/usr/bin/perl

# Copyright (C) Keepers

# A Redis Cluster: each command finds the node that has its slot.  A slot moves
# with its keys while pages are asked for, a node dies and comes back, another
# one dies and its replica takes over: no one is signed out, and only those wait
# whose keys are concerned.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Keepers::Cluster;
use Keepers::FakeRedis;
use Keepers::Test;
use MIME::Base64 qw(encode_base64url);
use Mojo::JSON qw(decode_json encode_json);
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);


my $dir = work_dir();
my $root = "$FindBin::Bin/..";

# what we say that the user of nginx needs
my ($rights) = slurp("$root/docs/operations.md") =~ /^user edge on #SHA256 (.*)$/m;
my $password = spew("$dir/edge.password", "swordfish\n");
my $cluster = Keepers::Cluster->new(3, "user edge on >swordfish $rights");

sub edge {
    my ($address, $cache) = @_;

    my $nginx = start_nginx(<<"END" . <<'END');
    keepers_zone                   2m;
    keepers_key_file               %%KEYS%%/edge.keys;
    keepers_redis                  $address;
    keepers_redis_timeout          1s;
    keepers_redis_connect_timeout  1s;
    keepers_session_cookie         keepers insecure;
    keepers_session_cache          $cache;
END
    keepers_limit_rule  three  key=$arg_who rate=3/h;
    keepers_limit_rule  nine   key=$arg_who rate=9/h;

    server {
        listen  127.0.0.1:%%PORT%%;
        root    %%DIR%%/html;

        location = /page   { keepers_session required; try_files /ok.txt =404; }
        location = /out    { keepers_session optional; keepers_signout; }
        location = /three  { keepers_limit three; try_files /ok.txt =404; }
        location = /both   {
            keepers_limit nine;
            keepers_limit three;
            try_files     /ok.txt =404;
        }
        location = /status { keepers_status; }
    }
END

    mkdir("$nginx->{dir}/html");
    spew("$nginx->{dir}/html/ok.txt", "ok\n", 0644);
    return $nginx;
}

sub value {
    my ($nginx, $name) = @_;
    my ($n) = ua()->get("$nginx->{url}/status")->res->body
              =~ /^\Q$name\E (\d+)$/m;

    return $n // 0;
}

# One node is named, the others are learnt.
my $seed = "cluster:127.0.0.1:$cluster->{ports}[1]";
my $nginx = edge($seed, 0);


# --- sessions of fifty users

my $core = "$root/ngx_keepers_module/core";

system('cc', '-O1', "-I$root/ngx_keepers_module", '-o', "$dir/mint",
       "$root/bench/mint.c",
       (map { "$core/keepers_$_.c" } qw(keyring token session link in out text
                                        text_base64)),
       '-lsodium', '-lunistring') == 0 or die("mint does not compile\n");

my @users;

for my $n (1 .. 50) {
    open(my $mint, '-|', "$dir/mint", Keepers::Test::keys_dir() . '/edge.keys',
         'keepers:', "$dir/cookie") or die("mint: $!\n");
    binmode($mint);
    my $resp = do { local $/; <$mint> };
    close($mint) or die("mint failed\n");

    my ($key, $len)
        = $resp =~ /\$3\r\nSET\r\n\$\d+\r\n(keepers:\{.*?)\r\n\$(\d+)\r\n/;
    my $record = substr($resp, $+[0], $len);
    my $slot = $cluster->slot($key);
    my $node = $cluster->owner($slot);

    # in hexadecimal: redis-cli takes no zeros in an argument
    redis_cli($cluster->{nodes}[$node], 'eval',
              "return redis.call('set',KEYS[1],(ARGV[1]:gsub('..',function(h) "
              . "return string.char(tonumber(h,16)) end)),'PX',3600000)", 1,
              $key, unpack('H*', $record));

    push(@users, { key => $key, slot => $slot, node => $node,
                   cookie => slurp("$dir/cookie"),
                   epoch => $key =~ s/:s:.*/:e/r });
}

sub page {
    my ($user, $edge) = @_;

    return ua()->get(($edge // $nginx)->{url} . '/page'
                     => { Cookie => "keepers=$user->{cookie}" })->res;
}

# "200 x 47, 503 x 3", and whether a cookie was touched.
sub pages {
    my (@of) = @_;
    my %n;

    for my $res (map { page($_) } @of) {
        $n{$res->code . ($res->headers->header('Set-Cookie') ? ' cookie' : '')}
            ++;
    }

    return join(', ', map { "$_ x $n{$_}" } sort keys %n);
}

sub of { my ($node) = @_; return grep { $_->{node} == $node } @users }

is(scalar(grep { of($_) > 0 } 0 .. 2), 3, 'all nodes have some of the users');
ok(wait_for { value($nginx, 'keepers_redis_ready') }, 'the cluster is ready');
is(pages(@users), '200 x 50', 'each is found, though one node alone is named');
is(pages({ cookie => 'v1.' . encode_base64url('x' x 40) }), '401 x 1',
   'one that is none is not');

is(value($nginx, 'keepers_redis_errors_total{kind="reply"}'), 0,
   'who was sent on has met no error');

sub moved {
    my $n = 0;

    for my $i (0 .. $#{$cluster->{nodes}}) {
        $n += $1 if $cluster->ask($i, qw(info errorstats))
                    =~ /errorstat_MOVED:count=(\d+)/;
    }

    return $n;
}

wait_for { my $before = moved(); pages(@users); moved() == $before };

my $before = moved();

is(pages(@users), '200 x 50', 'again');
is(moved(), $before, 'and no command went to the wrong node');


# --- limits are those of the cluster, whoever of its nodes has a key

sub codes {
    my ($path, $n, $edge) = @_;

    return join(' ', map { ua()->get(($edge // $nginx)->{url} . "/$path")
                               ->res->code } 1 .. $n);
}

my $second = edge($cluster->address . " user=edge password_file=$password",
                  '10s');

ok(wait_for { value($second, 'keepers_redis_ready') }, 'another is ready');

is_deeply([map { codes("three?who=$_", 2) . ' '
                 . codes("three?who=$_", 2, $second) } 'a' .. 'l'],
          [('200 200 200 429') x 12], 'exactly, over two of nginx');
is_deeply([map { codes("both?who=b$_", 4) } 1 .. 12],
          [('200 200 200 429') x 12], 'where two rules have two slots, too');


# --- what is published is heard, by whomever it is published

for my $user ((of(0))[-1], (of(1))[-1], (of(2))[-1]) {
    is(page($user, $second)->code, 200, 'a session is known by heart');
    is(ua()->post("$nginx->{url}/out" => { Origin => $nginx->{url},
           Cookie => "keepers=$user->{cookie}" })->res->code, 303, 'it ends');
    ok(wait_for { page($user, $second)->code == 401 }, 'there, too');
    @users = grep { $_ != $user } @users;
}


# --- a slot moves, with its keys, under load

# Pages of all, by another process, while "work" is done and a little longer;
# what came, by user and status.
sub load {
    my ($work) = @_;
    my $pid = fork() // die("fork: $!\n");

    unlink("$dir/seen", "$dir/enough");

    if ($pid == 0) {
        my %seen;

        for (my $i = 0; !-e "$dir/enough"; $i++) {
            my $user = $users[$i % @users];
            my $answer = raw($nginx->{port}, "GET /page HTTP/1.0\r\n"
                             . "Cookie: keepers=$user->{cookie}\r\n\r\n");
            my $code = $answer =~ /^HTTP\/1\.1 (\d+)/ ? $1 : 'none';

            $code .= ' cookie' if $answer =~ /^Set-Cookie:/mi;
            $seen{$user->{key}}{$code}++;
        }

        spew("$dir/seen.new", encode_json(\%seen));
        rename("$dir/seen.new", "$dir/seen");
        POSIX::_exit(0);
    }

    sleep(0.3);
    $work->();
    sleep(0.5);
    spew("$dir/enough", '');
    waitpid($pid, 0);
    return decode_json(slurp("$dir/seen"));
}

# The codes that these users had.
sub had {
    my ($seen, @of) = @_;
    my %codes = map { map { $_ => 1 } keys %{$seen->{$_->{key}}} } @of;

    return join(', ', sort keys %codes);
}

sub keys_of {
    my ($node, $slot) = @_;

    return grep { length }
           split(/\n/, $cluster->ask($node, qw(cluster getkeysinslot), $slot,
                                     100));
}

sub move {
    my ($slot, $from, $to, $meanwhile) = @_;

    $cluster->ask($to, qw(cluster setslot), $slot, 'importing',
                  $cluster->id($from));
    $cluster->ask($from, qw(cluster setslot), $slot, 'migrating',
                  $cluster->id($to));
    $cluster->ask($from, 'migrate', '127.0.0.1', $cluster->{ports}[$to], '', 0,
                  2000, 'keys', keys_of($from, $slot));
    $meanwhile->() if $meanwhile;
    $cluster->ask($_, qw(cluster setslot), $slot, 'node', $cluster->id($to))
        for $to, $from, 0 .. 2;
    return;
}

my ($mover, $other) = (of(0))[0, 1];

# who has signed out everywhere once has an epoch
for my $user ($mover, $other) {
    $cluster->ask(0, 'set', $user->{epoch}, 0);
}

allow_log(qr/answers with an error, (?:TRYAGAIN|MOVED|ASK|CLUSTERDOWN)/);

my ($asked, $allowed);
my $seen = load(sub {
    move($mover->{slot}, 0, 1, sub {
        is(scalar(keys_of(0, $mover->{slot})), 0, 'all keys have moved');
        $asked = page($mover)->code;
        $allowed = page($mover, $second)->code;
        sleep(0.3);
    });
});

is($asked, 200, 'half way, with ASK, the new node is asked');
is($allowed, 200, 'by one who has no other rights than he needs, too');
is(had($seen, grep { $_ != $mover } @users), '200', 'none other notices');
is(had($seen, $mover), '200', 'nor who has moved');
is($cluster->owner($mover->{slot}), 1, 'the slot is at another node');
is(pages(@users), '200 x ' . @users, 'and all are found');
$mover->{node} = 1;

# a key that is not there may be at either node: two at once are not answered
my $later = (of(2))[0];

$seen = load(sub {
    move($later->{slot}, 2, 0, sub {
        $asked = page($later)->code;
        sleep(0.3);
    });
});

is($asked, 503, 'half way a session without an epoch has to wait');
is(had($seen, grep { $_ != $later } @users), '200', 'no other');
is(had($seen, $later), '200, 503', 'and is not signed out');
is(page($later)->code, 200, 'after that it is found');
$later->{node} = 0;


# --- a node is killed, and comes back

allow_log(qr/(?:a node of|one of the connections to) Redis ".*" is (?:lost|back)/);
allow_log(qr/Redis ".*" is (?:lost|back)/);

my @gone = of(2);
my @rest = grep { $_->{node} != 2 } @users;

kill_hard($cluster->{nodes}[2]);
ok(wait_for { page($gone[0])->code == 503 }, 'a node is gone');
is(pages(@gone), '503 x ' . @gone, 'and with it only whose keys it had');
is(pages(@rest), '200 x ' . @rest, 'all others are served');
is(scalar(grep { /127\.0\.0\.1:$cluster->{ports}[2]"/ }
          logs(qr/a node of Redis .* is lost/)), 2,
   'the log says which, once for each nginx');

Keepers::Process::launch($cluster->{nodes}[2]);
ok($cluster->settled, 'it is back');
ok(wait_for { pages(@gone) eq '200 x ' . @gone }, 'nobody was signed out');
is(pages(@rest), '200 x ' . @rest, 'there either');


# --- another is killed, and its replica takes over

ok($cluster->replica(1), 'a node has a replica');
redis_cli($cluster->{nodes}[1], qw(wait 1 5000));

my ($one) = of(1);
my $killed = time();

kill_hard($cluster->{nodes}[1]);
ok(wait_for { page($one)->code == 503 }, 'the node is gone');
is(pages(grep { $_->{node} != 1 } @users),
   '200 x ' . grep({ $_->{node} != 1 } @users), 'the others are served');
ok(wait_for { $cluster->owner($one->{slot}) == 3 }, 'the replica has its slots')
    or diag($cluster->ask(0, qw(cluster nodes)));

my $switched = time();

ok(wait_for { page($one)->code == 200 }, 'and its users are served');
diag(sprintf('switched after %.1f s, found %.1f s later',
             $switched - $killed, time() - $switched));
is(pages(@users), '200 x ' . @users, 'all of them');

Keepers::Process::launch($cluster->{nodes}[1]);
ok($cluster->settled, 'the old one is back, as a replica');
is(pages(@users), '200 x ' . @users, 'which is left alone');


# --- a node that is named and is not there

my $half = edge('cluster:127.0.0.1:' . free_port()
                . ",127.0.0.1:$cluster->{ports}[0]", 0);

ok(wait_for { value($half, 'keepers_redis_ready') }, 'another one is');
is(page($users[$_], $half)->code, 200, 'and tells of the rest') for 0 .. 9;


# --- a node that lies

my @fakes = map {
    my $node = start_redis(conf => 'port ' . free_port() . "\nbind 127.0.0.1\n"
                           . "cluster-enabled yes\ncluster-port "
                           . free_port() . "\n");

    Keepers::FakeRedis->new(listen => "$dir/fake$_", port => free_port(),
                            real => $node->{socket});
} 1 .. 2;

my $circle = edge('cluster:' . join(',', map { "127.0.0.1:$_->{port}" }
                                             $fakes[0]), 0);

ok(wait_for { value($circle, 'keepers_redis_ready') }, 'a node without slots');

sub mgets { return scalar grep { $_ eq 'MGET' } map { $_->seen } @fakes }

sub lie {
    my ($of, $first, $next) = @_;
    my $n = mgets();

    $fakes[0]->mode("to:MGET:-$first\r\n");
    $fakes[1]->mode('to:MGET:-' . ($next // $first) . "\r\n");

    my $token = 'v1.' . encode_base64url(sprintf('%040d', $n));

    is(page({ cookie => $token }, $circle)->code, 503, "503: $of");
    return mgets() - $n;
}

my ($here, $there) = map { "127.0.0.1:$_->{port}" } @fakes;

is(lie('to itself', "MOVED 1 $here"), 4, 'after three hops it is enough');
is(lie('in a circle', "MOVED 1 $there", "MOVED 1 $here"), 4, 'and here');
is(lie('ASK in a circle', "ASK 1 $there", "ASK 1 $here"), 4, 'and here');
is(lie('one, then the other', "MOVED 1 $there", "ASK 1 $here"), 4, 'and here');
is(lie('no slot', "MOVED 16384 $there"), 1, 'is no place');
is(lie('no port', 'MOVED 1 127.0.0.1'), 1, 'is none');
is(lie('a wrong port', 'MOVED 1 127.0.0.1:65536'), 1,
   'is none');
is(lie('no host that can be', 'ASK 1 a/b:1'), 1, 'is none');
is(lie('nothing', 'MOVED'), 1, 'is none');
is(lie('a long one', 'MOVED 1 ' . 'x' x 400 . ':1'), 1, 'is none');
is(lie('nobody', 'MOVED 1 127.0.0.1:' . free_port()), 1, 'is not there');
is(lie('a bare port', "MOVED 1 :$fakes[0]{port}"), 4,
   'is of the node that says it');
is(lie('TRYAGAIN', 'TRYAGAIN later'), 1, 'is an error');
is(lie('CLUSTERDOWN', 'CLUSTERDOWN no'), 1, 'is one');

$_->mode('right') for @fakes;


# --- a Redis that is none of a cluster

my $plain = start_redis(conf => 'port ' . (my $port = free_port())
                        . "\nbind 127.0.0.1\n");

edge("cluster:127.0.0.1:$port", 0);
ok(wait_for { logs(qr/CLUSTER NODES or ASKING refused: is it of a cluster/) },
   'the log says that it is none');

done_testing();
