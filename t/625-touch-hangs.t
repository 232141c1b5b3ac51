#!/usr/bin/perl

# Copyright (C) Keepers

# The idle time of a session is renewed behind the back of who asks: while Redis
# does not answer to that, pages are served as if it had, and at once (kratos
# #3948, express-session: a check that waits for its own write).

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Keepers::FakeRedis;
use Keepers::Test;
use Test::More;
use Time::HiRes qw(sleep time);


use constant TIMEOUT_S => 2;

# renewed each second
my $p = start_platform(limits => 'off', conf => sub {
    my ($conf) = @_;
    my $file = $conf =~ s{[^/]*$}{keepers.conf}r;

    spew($file, slurp($file) . "keepers_session_idle 10s;\n");
});

my $dir = work_dir();
my $fake = Keepers::FakeRedis->new(listen => "$dir/fake.sock",
                                   real => $p->{redis_socket});

my $nginx = start_nginx(<<"END" . <<'END');
    keepers_zone                   2m;
    keepers_key_file               $p->{dir}/keys/edge.keys;
    keepers_redis                  unix:$dir/fake.sock user=edge
                                   password_file=$p->{dir}/keys/redis-edge.password;
    keepers_redis_timeout          @{[TIMEOUT_S]}s;
    keepers_redis_connect_timeout  2s;
    keepers_session_cookie         keepers insecure;
    keepers_session_cache          30s;
END
    server {
        listen 127.0.0.1:%%PORT%%;

        location /page/ {
            keepers_session  required;
            alias            %%DIR%%/html/;
        }

        location /status {
            keepers_status;
        }
    }
END

mkdir("$nginx->{dir}/html");
spew("$nginx->{dir}/html/index.html", 'MARKER', 0644);


sub token {
    my ($value) = map { $_->value } grep { $_->name eq 'keepers' }
                  @{sign_in($p)->cookie_jar->all};

    return $value;
}


sub page {
    my ($token) = @_;
    my $answer = raw($nginx->{port}, "GET /page/ HTTP/1.0\r\n"
                     . "Cookie: keepers=$token\r\n\r\n");

    return $answer =~ /^HTTP\/1\.1 (\d+)/ ? $1 : 'none';
}


sub touches { return scalar(grep { $_ eq 'PEXPIRE' } $fake->seen()) }


my ($one, $other) = (token(), token());

ok((wait_for { page(token()) == 200 }), 'Redis is there');

# else that renewal might hang, and hold up what is asked behind it
ok((wait_for { touches() }), 'and was told of its use');

$fake->mode('hold:PEXPIRE');

my $before = touches();

is(page($one), 200, 'who comes first is served');
ok((wait_for { touches() > $before }), 'though the renewal hangs');

# The subscription is ended by a time-out of commands too, and what is not heard
# is not believed for long: all of these are within the time-out.
my (%codes, @late);
my $began = time();

while (time() < $began + TIMEOUT_S / 4) {
    my $asked = time();

    $codes{page($one)}++;
    push(@late, time() - $asked) if time() - $asked > TIMEOUT_S / 2;
}

is(join(' ', keys %codes), 200, "and so are $codes{200} more");
is("@late", '', 'none of them waits for it');

# who is not in the zone has to ask, on a connection that has hung until now
ok((wait_for { page($other) == 200 }), 'another connection serves all others');
is(page($one), 200, 'and the first');

# the next renewals come from the zone, and hang as well
$before = touches();
%codes = ();
$began = time();

while (touches() < $before + 2 && time() < $began + 10) {
    $codes{page($one)}++;
    sleep(0.01);
}

cmp_ok(touches(), '>=', $before + 2, 'renewed again');
ok(!grep({ $_ eq '401' } keys %codes), 'nobody was signed out')
    or diag(explain(\%codes));

$fake->mode('right');
ok((wait_for { page($one) == 200 && page($other) == 200 }), 'and then well');

# By now the zone is believed again, so that nobody asks in front of a renewal.
ok((wait_for { ua()->get("$nginx->{url}/status")->res->body
               =~ /^keepers_subscribed 1$/m }), 'ends are heard of');
is(page($one), 200, 'the zone has it');
sleep(1.2);

$fake->mode('hold:PEXPIRE');
$before = touches();
$began = time();

is(page($one), 200, 'served from the zone');
cmp_ok(time() - $began, '<', TIMEOUT_S / 2, 'at once');
ok((wait_for { touches() > $before }), 'and renewed behind that');
$fake->mode('right');

stop($nginx, 'QUIT');
$fake->stop();
done_testing();
