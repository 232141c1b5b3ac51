#!/usr/bin/perl

# Copyright (C) Keepers

# A worker with several connections: one of them may be lost, and nobody who
# asks for a page notices, nor does the log call it an outage.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Keepers::FakeRedis;
use Keepers::Test;
use MIME::Base64 qw(encode_base64url);
use Test::More;


my $redis = start_redis();
my $dir = work_dir();
my $fake = Keepers::FakeRedis->new(listen => "$dir/fake.sock",
                                   real => $redis->{socket});
my $asked = 0;

my $nginx = start_nginx(<<"END" . <<'END');
    keepers_zone                   2m;
    keepers_key_file               %%KEYS%%/edge.keys;
    keepers_redis                  unix:$dir/fake.sock;
    keepers_redis_connections      3;
    keepers_redis_timeout          500ms;
    keepers_redis_connect_timeout  2s;
    keepers_session_cookie         keepers insecure;
END
    server {
        listen 127.0.0.1:%%PORT%%;

        location / {
            keepers_session  required;
        }
    }
END


# A session that Redis does not have: 401 once it has said so, else 503.  Each
# is another, for what Redis does not have is known for a while.
sub code {
    my $token = 'v1.' . encode_base64url(sprintf('%040d', ++$asked));
    my $answer = raw($nginx->{port}, "GET / HTTP/1.0\r\n"
                     . "Cookie: keepers=$token\r\n\r\n");

    return $answer =~ /^HTTP\/1\.1 (\d+)/ ? $1 : 0;
}


sub codes { return join(' ', map { code() } 1 .. 12) }


sub seen {
    my ($word) = @_;

    return scalar(grep { $_ eq $word } $fake->seen());
}


my $all = join(' ', (401) x 12);

ok(wait_for { code() == 401 }, 'Redis is asked');
ok(wait_for { seen('SUBSCRIBE') }, 'and has a subscriber');

# each of the three takes its turn, so that a lost one is one that has served
is(codes(), $all, 'by all connections in turn');

my $accepted = seen('accept');

$fake->mode('shut');
ok(wait_for { seen('accept') > $accepted }, 'one is lost, and made again');
is(codes(), $all, 'nobody waits for it while others are ready');

ok(wait_for { seen('accept') > $accepted + 1 }, 'it is given up, and again');
is(codes(), $all, 'nobody notices');
is(scalar(logs(qr/keepers: .*Redis/)), 0, 'and this is no outage');

$fake->mode("shut:-NOAUTH x\r\n");
ok(wait_for { logs(qr/one of the connections to Redis .* password refused/) },
   'what an operator must mend is a line');
is(codes(), $all, 'while pages are served');

stop($nginx, 'QUIT');
$fake->stop();
done_testing();
