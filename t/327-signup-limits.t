#!/usr/bin/perl

# Copyright (C) Keepers

# Rules with "at=signup" are decided in the call that decides on a signup, and
# yet nobody gets past them: who is answered before that, who comes again, whose
# body comes later, and who is sent elsewhere, all are counted, each once.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Keepers::Test;
use Test::More;


my $p = start_platform(limits => 'off');

sub host {
    my ($server) = @_;

    return start_nginx(<<"END" . <<"END");
    keepers_zone           2m;
    keepers_key_file       $p->{dir}/keys/edge.keys;
    keepers_writer_key     $p->{dir}/keys/writer.pub;
    keepers_redis          unix:$p->{redis_socket} user=edge
                           password_file=$p->{dir}/keys/redis-edge.password;
    keepers_redis_timeout  1s;
    keepers_limit_rule     net key=\$http_net rate=1/d burst=3;
    keepers_limit_rule     tap key=\$http_tap rate=1/d burst=1 mode=tap;
    keepers_limit_rule     mail key=\$keepers_recipient rate=1/d burst=2;
    keepers_limit_rule     dear key=\${keepers_recipient} rate=1/d burst=1;
    keepers_limit_rule     both key=\$keepers_link_business:\$keepers_recipient
                           rate=1/d burst=1;
    keepers_limit_rule     firm key=\$keepers_link_business rate=1/d burst=2;
    keepers_limit_rule     firms key=\${keepers_link_business} rate=1/d
                           burst=2;
END
    server {
        listen 127.0.0.1:%%PORT%%;

        location ~ ^/l/([^/]+)\$ {
            keepers_link   \$1;
            keepers_limit  net at=signup;
            keepers_limit  tap at=signup;
            keepers_limit  mail;
            $server
            set            \$to unix:$p->{dir}/run/writer.sock;
            proxy_pass     http://\$to:/v1/signups;
        }
    }
END
}

my $nginx = host('');
my ($path) = $p->{link_url} =~ m{(/l/[^/]+)$};
my $url = "$nginx->{url}$path";
my $n = 0;

# "net" names who asks: each part has a budget of its own.
sub signup {
    my ($net, %o) = @_;
    my %json = (name => 'Ana', email => 'ana' . ++$n . '@example.com',
                %{$o{fields} // {}});

    return ua()->post(($o{url} // $url) =>
                      { Net => $net, 'Idempotency-Key' => $o{key} // "key-$n",
                        %{$o{headers} // {}} } => json => \%json)->res;
}

sub calls {
    return redis_cli($p->{redis}, 'INFO', 'commandstats')
           =~ /^cmdstat_evalsha:calls=(\d+)/m ? $1 : 0;
}

# Three of each pass, and the fourth is refused.
sub counted {
    my ($words, $status, $try) = @_;

    is(join(' ', map { $try->($_)->code } 1 .. 4), "$status $status $status "
       . '429', $words);
    return;
}


ua()->get($url);            # the link is in the zone from now on

subtest 'a signup' => sub {
    my $before = calls();

    is(signup('one')->code, 202, 'is received');
    is(calls() - $before, 1, 'after one call');
    is(signup('one')->code, 202, 'so is the second');
    is(signup('one')->code, 202, 'and the third');

    my $refused = signup('one');

    is($refused->code, 429, 'the fourth is refused');
    like($refused->headers->header('Retry-After'), qr/^\d+$/, 'for a while');
    $before = calls();
    is(signup('one')->code, 429, 'and so is the next');
    is(calls() - $before, 0, 'by the zone, without a call');
};

subtest 'what is answered without the writer' => sub {
    counted('a record with a fault', 422,
            sub { signup('fault', fields => { email => 'no' }) });
    counted('a body that is none', 400, sub {
        ua()->post($url => { Net => 'bad', 'Idempotency-Key' => "b$_[0]",
                             'Content-Type' => 'application/json' }
                   => '{')->res;
    });
    counted('no key', 400, sub {
        ua()->post($url => { Net => 'key' } => json => { name => 'Ana' })->res;
    });
};

# These say what they are even to who is over a limit; but they are counted.
subtest 'what a limit does not overrule' => sub {
    my $lost = $url =~ s/\w$/-none/r;

    signup('lost', url => $lost) for 1 .. 3;
    is(signup('lost')->code, 429, 'a link that is not there');
    signup('odd', url => "$nginx->{url}/l/__") for 1 .. 3;
    is(signup('odd')->code, 429, 'what can be no link');
    ua()->post($url => { Net => 'type', 'Content-Type' => 'text/plain' }
               => 'x') for 1 .. 3;
    is(signup('type')->code, 429, 'another type');
};

subtest 'who comes again' => sub {
    is(signup('again', key => 'again', fields => { email => 'a@b.example' })
       ->code, 202, 'is received');
    is(signup('again', key => 'again', fields => { email => 'a@b.example' })
       ->code, 202, 'and once more') for 1 .. 2;
    is(signup('again', key => 'again', fields => { email => 'a@b.example' })
       ->code, 429, 'until that is too often');
    is(signup('other', fields => { email => 'a@b.example' })->code, 202,
       'though of what it says it was one');
};

subtest 'a rule that wants a tap' => sub {
    is(signup('tap', headers => { Tap => 'a' })->code, 202, 'has room for one');
    is(signup('tap', headers => { Tap => 'a' })->code, 429, 'not for two');
    is(signup('tap')->code, 202, 'which left nothing behind');
};

subtest 'a body that comes later' => sub {
    my $body = '{"name":"Ana","email":"late@example.com"}';
    my $before = calls();
    my $socket = IO::Socket::INET->new("127.0.0.1:$nginx->{port}") or die $!;

    print $socket "POST $path HTTP/1.1\r\nHost: localhost\r\nNet: late\r\n"
                  . "Content-Type: application/json\r\nIdempotency-Key: late\r\n"
                  . 'Content-Length: ' . length($body) . "\r\n"
                  . "Connection: close\r\n\r\n";

    ok((wait_for { calls() - $before == 1 }),
       'is counted before it is there');
    print $socket $body;
    like(join('', <$socket>), qr{^HTTP/1\.1 202 }, 'and received');
    is(calls() - $before, 2, 'after another call');
};

subtest 'who is sent elsewhere' => sub {
    my $upper = $path =~ s/(\w)$/\U$1/r;

    is(signup('sent', url => "$nginx->{url}$upper")->code, 308, 'is sent')
        for 1 .. 3;
    ok((wait_for { signup('sent')->code == 429 }), 'and counted');
};

subtest 'another module refuses' => sub {
    $nginx = host('deny all;');
    $url = "$nginx->{url}$path";

    is(signup('denied')->code, 403, 'a request') for 1 .. 3;
    $nginx = host('');
    $url = "$nginx->{url}$path";
    is(signup('denied')->code, 429, 'which was counted');
};

# Alone in a key or with others, in braces or not, it is one and the same.
subtest 'whom a signup names' => sub {
    for my $rule (qw(dear both)) {
        $nginx = host("keepers_limit $rule;");
        $url = "$nginx->{url}$path";

        my %o = (fields => { email => "$rule\@example.com" });

        is(signup("$rule 1", %o)->code, 202, "$rule: an address");
        is(signup("$rule 2", %o)->code, 429, 'not twice');
        is(signup("$rule 3", fields => { email => uc "$rule\@Example.com" })
           ->code, 202, 'another one');
    }

    for my $rule (qw(firm firms)) {
        $nginx = host("keepers_limit $rule;");
        $url = "$nginx->{url}$path";

        is(join(' ', map { signup("$rule $_")->code } 1 .. 3), '202 202 429',
           "$rule: a business");
    }

    my @keys = split /\n/, redis_cli($p->{redis}, 'KEYS', '*:l:*');

    ok(@keys > 8, 'Redis knows them');
    is(scalar(grep { !/^keepers:\{[\w-]{22}\}:l:\w+$/ } @keys), 0,
       'by nothing but a hash');
};

done_testing();
