#!/usr/bin/perl

# Copyright (C) Keepers

# Signups that are sealed in one turn of a worker go to the writer in one
# request, and each of them has its own answer: whoever leaves, whatever the
# writer says of another, and when the writer, or its release, is not there.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Socket::UNIX;
use Keepers::Http2;
use Keepers::Load;
use Keepers::Test;
use Keepers::Together;
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);


my $dir = work_dir();
my $h2 = free_port();
my $older = "$dir/older.sock";
my $test = $$;
my $relay;

END { kill('TERM', -$relay) if $relay && $$ == $test }

# Limits that refuse nobody: what they and the reservations ask is one call, so
# that the answers come in one turn.
my $p = start_platform(conf => sub {
    my ($file) = @_;
    my $locations = $file =~ s/nginx\.conf$/keepers-locations.conf/r;
    my $limits = $file =~ s/nginx\.conf$/keepers-limits.conf/r;

    spew($limits, slurp($limits) =~ s{rate=\d+/[a-z]+ burst=\d+}
                                     {rate=1000000/s burst=1000000}gr);

    conf_change($file, qr/worker_processes .*?;/, 'worker_processes 1;');
    conf_change($file, qr/(listen .*?;)/, "\$1 listen 127.0.0.1:$h2 http2;");
    conf_change($file, qr/(sendfile .*?;)/, "\$1 log_format one '\$args \$status "
           . "\$upstream_addr'; access_log $dir/one.log one;");

    # a host without a spool, one that is not for this, one with an old writer
    conf_change($locations, qr/(location = \/signin \{)/, join('', map {
        my ($path, $rest) = @$_;

        " location ~ \"^/$path/(?<keepers_slug>[^/]+)\$\" {"
        . " keepers_link \$keepers_slug; $rest }"
    } (['plain', 'keepers_signup_batch 16; proxy_read_timeout 2s;'
                 . ' proxy_pass http://keepers_writer;'],
       ['each', 'proxy_pass http://keepers_writer;'],
       ['four', 'keepers_signup_batch 4; proxy_pass http://keepers_writer;'],
       ['second', "keepers_signup_batch 16; proxy_pass http://unix:$dir/nobody;"
                  . ' error_page 502 = @second;'],
       ['sorry', 'keepers_signup_batch 16; proxy_read_timeout 1s;'
                 . ' proxy_pass http://keepers_writer;'
                 . ' error_page 504 = /sorry;'],
       ['late', 'keepers_signup_batch 16; proxy_read_timeout 1s;'
                . ' proxy_pass http://keepers_writer;'
                . ' error_page 504 = @keepers_spool;'],
       ['older', "keepers_signup_batch 16; proxy_pass http://unix:$older;"
                 . ' proxy_intercept_errors on;'
                 . ' error_page 502 503 504 = @keepers_spool;']))
        . ' location @second { rewrite ^ /v1/signups break;'
        . ' proxy_pass http://keepers_writer; }'
        . " location = /sorry { alias $dir/sorry; limit_rate 50k; } \$1");
});

spew("$dir/sorry", 'x' x 250000, 0644);

my $nginx = $p->{nginx};
my $load = Keepers::Load->new($p);
my ($path) = $p->{link_url} =~ m{(/l/[^/]+)$};
my ($club) = $p->{link2_url} =~ m{(/l/[^/]+)$};
my $runs = 0;


sub named {
    my ($path, $name) = @_;

    return request("$path?$name",
                   body => qq({"name":"$name","email":"$name\@example.org"}));
}


# So many at once while another is at the writer, which stands still meanwhile.
# Returns the name of the run, whose members are NAME-1 and so on, and sockets.
sub while_busy {
    my ($path, $n, $meanwhile) = @_;
    my $run = 'run' . ++$runs;
    my $first = connection($nginx);

    pause($p->{writer});
    $first->syswrite(named($path, "$run-0"));
    sleep(0.1);

    my @sockets = together($nginx, map { named($path, "$run-$_") } 1 .. $n);

    sleep(0.1);
    $meanwhile->(@sockets) if $meanwhile;
    resume($p->{writer});
    return ($run, $first, @sockets);
}


# Of a run, how many requests nginx has made to a writer.
sub asked {
    my ($run, $n) = @_;
    my @lines;

    wait_for {
        @lines = slurp("$dir/one.log") =~ /^$run-\d+ (.*)/mg;
        return @lines >= $n;
    };
    return scalar grep { !/ -$/ } @lines;
}


# Of a run, how many are stored, and how many twice.
sub stored {
    my ($run) = @_;
    my $times = $load->stored;
    my @names = grep { /^$run-/ } keys %$times;

    return @names . ' and ' . grep { $times->{$_} > 1 } @names;
}


subtest 'who comes alone' => sub {
    is(tally(answers(map { together($nginx, named($path, "alone-$_")) }
                         1 .. 3)), '3 of 202', 'is received');
    is(asked('alone', 3), 3, 'and goes alone');
};

subtest 'ten at once' => sub {
    my ($run, @sockets) = while_busy($path, 10);

    is(tally(answers(@sockets)), '11 of 202', 'are received');
    is(asked($run, 11), 2, 'by one request, besides the one under way');
    is(stored($run), '11 and 0', 'and stored, each once');
};

subtest 'more than go together' => sub {
    my ($run, @sockets) = while_busy($path, 40);

    is(tally(answers(@sockets)), '41 of 202', 'are received');
    is(asked($run, 41), 4, 'by three');
    is(stored($run), '41 and 0', 'and stored');

    ($run, @sockets) = while_busy($path =~ s{^/l}{/four}r, 10);
    is(tally(answers(@sockets)), '11 of 202', 'as many as the directive says');
    is(asked($run, 11), 4, 'go together');

    ($run, @sockets) = while_busy($path =~ s{^/l}{/each}r, 6);
    is(tally(answers(@sockets)), '7 of 202', 'without it');
    is(asked($run, 7), 7, 'each goes alone');
};

subtest 'more than fits' => sub {
    my $long = "\xf0\x9f\x98\x80" x 100;
    my $host = join('.', ('d' x 60) x 2, 'example.org');
    my $run = 'long';
    my $first = connection($nginx);

    my $plain = $path =~ s{^/l}{/plain}r;

    pause($p->{writer});
    $first->syswrite(named($path, "$run-0"));
    sleep(0.1);

    my @sockets = together($nginx, map {
        request("$plain?$run-$_",
                body => qq({"name":"$long","email":"$run$_\@$host",)
                        . join(',', map { qq("utm_$_":") . 'u' x 64 . '"' }
                               qw(source medium campaign term content)) . '}')
    } 1 .. 16);

    sleep(0.1);
    resume($p->{writer});
    is(tally(answers($first, @sockets)), '17 of 202', 'is received');
    cmp_ok(asked($run, 17), '>=', 3, 'by another');
};

subtest 'other locations' => sub {
    my $run = 'two';
    my $first = connection($nginx);

    pause($p->{writer});
    $first->syswrite(named($path, "$run-0"));
    sleep(0.1);

    my @sockets = together($nginx, map {
        named($path =~ s{^/l}{$_ % 2 ? '/plain' : '/four'}er, "$run-$_")
    } 1 .. 4);

    sleep(0.1);
    resume($p->{writer});
    is(tally(answers($first, @sockets)), '5 of 202', 'do not mix');
    is(asked($run, 5), 5, 'for they may ask another writer');
};

# It has taken others along, who must not leave with it.
subtest 'the one that takes them along leaves' => sub {
    my ($run, $first, @sockets) = while_busy($path, 8, sub {
        close($_[0]);
        sleep(0.1);
    });

    shift(@sockets);
    is(tally(answers($first, @sockets)), '8 of 202', 'the others are received');
    asked($run, 9);
    like(slurp("$dir/one.log"), qr/^$run-1 499 unix:/m, 'it was that one');
    is(stored($run), '9 and 0', 'and each is stored once');
};

subtest 'those that go along leave' => sub {
    my ($run, $first, @sockets) = while_busy($path, 8, sub {
        close($_) for @_[2, 3, 7];
        sleep(0.1);
    });

    is(tally(answers($first, @sockets[0, 1, 4, 5, 6])), '6 of 202',
       'the others have their own answers');
    asked($run, 9);
    is(() = slurp("$dir/one.log") =~ /^$run-\d 499 -$/mg, 3, 'it was those');
    is(stored($run), '9 and 0', 'and what was sent is stored');
};

subtest 'all of them leave' => sub {
    my ($run) = while_busy($path, 8, sub { close($_) for @_; sleep(0.1) });

    asked($run, 9);
    is(tally(answers(together($nginx, named($path, 'next')))), '1 of 202',
       'the next one is received');
    ok((wait_for { stored($run) eq '9 and 0' }), 'and what was sent is stored');
};

# What is wrong with one of them is not wrong with the others.
subtest 'the writer refuses some' => sub {
    is(ua()->get($p->{link2_url})->res->code, 200, 'the zone has the link');

    my $owner = sign_in($p);
    my $slug = $club =~ s{.*/}{}r;
    my $first = connection($nginx);

    is($owner->post("$p->{url}/api/v1/links/$slug/close"
           => { Origin => $p->{url} })->res->code, 204, 'and it is closed');
    pause($p->{writer});
    $first->syswrite(named($path, 'some-0'));
    sleep(0.1);

    my @sockets = together($nginx, map {
        named($_ == 1 || $_ == 4 ? $club : $path, "some-$_")
    } 1 .. 6);

    sleep(0.1);
    resume($p->{writer});
    is(join(' ', answers($first, @sockets)), '202 410 202 202 410 202 202',
       'each has its answer');
    is(asked('some', 7), 2, 'and they went together');
    is(stored('some'), '5 and 0', 'the others are stored');
};

# Not as if nobody could be asked: the form of a page says more than a program.
subtest 'a link that is gone' => sub {
    my $owner = sign_in($p);
    my $slug = $club =~ s{.*/}{}r;
    my $link = "$p->{url}/api/v1/links/$slug";
    my %from = (Origin => $p->{url});
    my $page;

    is($owner->post("$link/open" => \%from)->res->code, 204, 'it was open');
    ok((wait_for { $page = ua()->get($p->{link2_url})->res;
                   $page->code == 200 }, 20), 'and the zone has it');

    my $token = $page->dom->at('[name=token]')->{value};
    my $form = sub {
        my ($name) = @_;
        my $body = "name=$name&email=$name%40example.org&token=$token";

        return "POST $club?$name HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
               . "application/x-www-form-urlencoded\r\nContent-Length: "
               . length($body) . "\r\nConnection: close\r\n\r\n$body";
    };

    # a form is sent back to who is quicker than a person
    sleep(2.5);
    is(ua()->get($p->{link2_url})->res->code, 200, 'fresh');
    operator($p, '', qw(link delete --slug), $slug);

    my $first = connection($nginx);

    pause($p->{writer});
    $first->syswrite(named($path, 'gone-0'));
    sleep(0.1);

    my @sockets = together($nginx, map { $form->("gone-$_") } 1 .. 3);

    sleep(0.1);
    resume($p->{writer});
    is(join(' ', answers($first, @sockets)), '202 404 404 404',
       'each hears of it');
    is(asked('gone', 4), 2, 'and they went together');
};

allow_log(qr/upstream (timed out|prematurely closed)/,
          qr/connect\(\) to unix:\S+ failed/, qr/recv\(\) failed/,
          qr/sendmsg\(\) failed|writev\(\) failed|send\(\) failed/);

sub queued { return redis_cli($p->{redis}, 'XLEN', 'keepers:{spool}:q') }

subtest 'the writer is slow' => sub {
    my $start = time();
    my ($run, @sockets) = while_busy($path, 8, sub {
        ok((wait_for { queued() == 9 }), 'all wait in Redis');
        cmp_ok(time() - $start, '<', 3.5, 'as soon as if each were alone');
    });

    is(tally(answers(@sockets)), '9 of 202', 'all are received');
    is(stored($run), '9 and 0', 'and each is stored once');

    ($run, @sockets) = while_busy($path =~ s{^/l}{/plain}r, 4,
                                  sub { sleep(3) });
    is(tally(answers(@sockets)), '5 of 503',
       'without a spool they may try again');
};

# As if each were alone: a host may have a spool for one of the three.
subtest 'a spool for those who are late' => sub {
    my ($run, @sockets) = while_busy($path =~ s{^/l}{/late}r, 4,
                                     sub { sleep(1.5) });

    is(tally(answers(@sockets)), '5 of 202', 'takes all of them');
    is(stored($run), '5 and 0', 'and each is stored once');
};

subtest 'a page of the host\'s own' => sub {
    my ($run, @sockets) = while_busy($path =~ s{^/l}{/sorry}r, 4,
                                     sub { sleep(1.3) });
    my $start = time();

    is(tally(answers(@sockets[2 .. 4])), '3 of 202', 'is not for the others');
    cmp_ok(time() - $start, '<', 3, 'who do not wait until it is read');
    close($_) for @sockets;
    asked($run, 5);
};

# What goes elsewhere is the signup of that client alone, and so is the answer.
subtest 'a second writer' => sub {
    my $second = connection($nginx);

    pause($p->{writer});
    $second->syswrite(named($path, 'second-0'));
    sleep(0.1);

    my @sockets = together($nginx, map {
        named($path =~ s{^/l}{/second}r, "second-$_")
    } 1 .. 4);

    sleep(0.1);
    resume($p->{writer});

    my $text = '';

    while ($sockets[0]->sysread($text, 65536, length($text))) { }
    like($text, qr{^HTTP/1\.1 202 }, 'takes it');
    unlike($text, qr/Keepers-Signups/i, 'and says nothing of the others');
    is(tally(answers($second, @sockets[1 .. 3])), '4 of 202', 'and each');
    is(stored('second'), '5 and 0', 'is stored once');
};

subtest 'the writer is killed' => sub {
    my ($run, @sockets) = while_busy($path, 8, sub {
        kill('KILL', $p->{writer}{pid});
    });

    is(tally(answers(@sockets)), '9 of 202', 'all are received');
    is(queued(), 9, 'and wait');
    restart($p->{writer});
    is(stored($run), '9 and 0', 'and then each is stored once');
};

# One of an earlier release: what begins with "KB" is no envelope for it.
sub older_writer {
    my $listen = IO::Socket::UNIX->new(Local => $older, Listen => 64)
        or die("$older: $!\n");
    my $pid = fork() // die("fork: $!\n");

    return $pid if $pid;
    setpgrp(0, 0);
    $SIG{CHLD} = 'IGNORE';

    while (my $client = $listen->accept) {
        next if fork();
        relay($client);
        POSIX::_exit(0);
    }

    POSIX::_exit(0);
}

sub relay {
    my ($client) = @_;
    my ($in, $len) = ('', 0);

    while ($in !~ /\r\n\r\n/ || length($in) < $len) {
        $client->sysread($in, 65536, length($in)) or return;
        $len = length($1) + 4 + $2
            if $in =~ /^(.*?content-length: (\d+).*?)\r\n\r\n/is;
    }

    if ($in =~ /\r\n\r\nKB/) {
        $client->syswrite("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n"
                          . "Connection: close\r\n\r\n");
        return;
    }

    my $writer = IO::Socket::UNIX->new(Peer => $p->{writer_socket}) or return;

    $writer->syswrite($in =~ s/\r\n/\r\nConnection: close\r\n/r);
    local $/;
    $client->syswrite(scalar <$writer>);
    return;
}

allow_log(qr/the writer has not read a batch of signups: upgrade it/);

subtest 'the writer is of an earlier release' => sub {
    $relay = older_writer();

    my ($run, @sockets) = while_busy($path =~ s{^/l}{/older}r, 8);

    is(tally(answers(@sockets)), '9 of 202', 'all are received');
    ok((logs(qr/has not read a batch of signups: upgrade it/)),
       'and the host is told');
    is(stored($run), '9 and 0', 'each is stored once');
};

subtest 'streams of one connection' => sub {
    my $client = Keepers::Http2->new($h2);
    my %json = ('content-type' => 'application/json');
    my $ask = sub {
        $client->ask(POST => $path,
                     { %json, 'idempotency-key' => "stream-$_[0]" },
                     qq({"name":"h2-$_[0]","email":"h2-$_[0]\@example.org"}));
    };
    my @streams = $ask->(0);
    my ($worker) = workers($nginx);

    pause($p->{writer});
    push(@streams, $ask->(1));
    sleep(0.1);
    kill('STOP', $worker);
    push(@streams, map { $ask->($_) } 2 .. 9);
    kill('CONT', $worker);
    sleep(0.2);
    resume($p->{writer});

    my %status = $client->answers(@streams);

    is(tally(values %status), '10 of 202', 'are received');
    is(stored('h2'), '10 and 0', 'and stored');
};

subtest 'a reload meanwhile' => sub {
    my ($run, @sockets) = while_busy($path, 8, sub {
        kill('HUP', $nginx->{pid});
        sleep(0.3);
    });

    is(tally(answers(@sockets)), '9 of 202', 'takes nothing from them');
    is(stored($run), '9 and 0', 'and each is stored once');
};

done_testing();
