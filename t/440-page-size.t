#!/usr/bin/perl

# Copyright (C) Keepers

# A page of a link is one answer of at most 14 KB on the wire, headers and
# all, not compressed: the first flight of packets on a slow phone.  In each
# language, in each state, for a link that has the most to say.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Keepers::Test;
use Mojo::Util qw(url_escape);
use Test::More;
use Time::HiRes qw(sleep);

my $wire_max = 14 * 1024;

my $p = start_platform(limits => 'off');

# The longest that the writer takes, in letters of two bytes and of one.
my $name = "\x{d0}\x{9a}" x 25 . 'Caf & co ' x 5;
my $offer = "\x{d0}\x{b0}" x 75 . 'one more ' x 16;
my $consent = "\x{d0}\x{b0}" x 125 . 'by e-mail ' x 25;
my $source = join('&', map { "$_=" . url_escape('&' x 64) }
                  qw(placement utm_source utm_medium utm_campaign utm_term
                     utm_content));

my $long = 'name=' . '%D0%B0' x 100 . '&email=' . 'x' x 254 . '&phone='
           . '1' x 15;

my ($status, $said) = operator($p, "a long password indeed\n",
    qw(account add --business), $name, qw(--email owner-long@example.com
    --role owner));
my ($business) = $said =~ /^business=(\S+)/m or BAIL_OUT($said);

for my $own (0, 1) {
    ($status, $said) = operator($p, '', qw(link add --business), $business,
        '--slug', "l$own" . 'x' x 62, '--offer', $offer, '--consent-email',
        $own ? $consent : 'standard', '--consent-sms',
        $own ? $consent : 'standard', qw(--phone --name-optional --locale ar
        --retention-days 36500));
    $status == 0 or BAIL_OUT($said);
}


sub wire {
    my ($path, $form, $port) = @_;
    my $head = defined $form
        ? "POST $path HTTP/1.1\r\nContent-Type: "
          . "application/x-www-form-urlencoded\r\nContent-Length: "
          . length($form) . "\r\n"
        : "GET $path HTTP/1.1\r\n";

    return raw($port // $p->{nginx}{port}, $head . "Host: x\r\nAccept-Encoding: gzip\r\n"
               . "Connection: close\r\n\r\n" . ($form // ''));
}


sub small {
    my ($answer, $code, $state) = @_;
    my ($first) = $answer =~ /^(HTTP\S+ \d+)/;

    is($first, "HTTP/1.1 $code", "$state: $code");
    cmp_ok(length($answer), '<=', $wire_max, "$state: fits");
    unlike($answer, qr/^Content-Encoding/mi, "$state: as it is");
    return;
}


for my $link (map { "/l/l$_" . 'x' x 62 } 0, 1) {
    wait_for { wire($link) =~ / 200 OK/ };

    for my $language (qw(en de fr ar)) {
        subtest substr($link, 3, 2) . " in $language" => sub {
            my $page = wire("$link?lang=$language");
            my ($token) = $page =~ /name="token" value="([^"]+)"/;

            small($page, 200, 'the form');
            small(wire("$link/thanks?lang=$language"), 200, 'thanks');
            small(wire("$link/thanks?lang=$language&mail=googlemail.com"), 200,
                  'thanks, and a question');
            small(wire("/l/no?lang=$language"), 404, 'unknown');
            small(wire("$link?lang=$language", "token=$token"
                       . '&name=%EF%BF%BE&email=x&phone=1&consent_email=7'),
                  422, 'all faults');
            small(wire("$link?lang=$language", "token=$token&email=a\@b.example"
                       ), 200, 'one more tap');
            small(wire("$link?lang=$language", "token=x&$long"), 403,
                  'another token');
            small(wire($link, "token=$token&$long&switch=$language"
                       . '&consent_sms=7'), 200, 'another language');
            diag("$language: " . length($page) . ' bytes')
                if $ENV{KEEPERS_VERBOSE};
        };
    }
}

# A limit that one POST uses up.
my $limited = start_nginx(<<"END" . <<'END');
    keepers_zone           2m;
    keepers_key_file       $p->{dir}/keys/edge.keys;
    keepers_writer_key     $p->{dir}/keys/writer.pub;
    keepers_redis          unix:$p->{redis_socket} user=edge
                           password_file=$p->{dir}/keys/redis-edge.password;
    keepers_redis_timeout  1s;
    keepers_limit_rule     few key=\$request_method rate=1/h;
    keepers_words          %%ROOT%%/conf/pages/words/de.words;
    keepers_words          %%ROOT%%/conf/pages/words/fr.words;
    keepers_words          %%ROOT%%/conf/pages/words/ar.words;
END
    server {
        listen 127.0.0.1:%%PORT%%;

        location ~ ^/l/([^/]+)$ {
            keepers_link           $1;
            keepers_link_template  %%ROOT%%/conf/pages/link.html;
            keepers_limit          few;
        }
    }
END

for my $link ('/l/l0' . 'x' x 62, '/l/l1' . 'x' x 62) {
    for my $language (qw(en de fr ar)) {
        my $answer;

        # the first one of all is not limited
        wait_for {
            $answer = wire("$link?lang=$language", "token=x&$long",
                           $limited->{port});
            return $answer =~ / 429 /;
        };
        small($answer, 429, 'a limit: ' . substr($link, 3, 2)
              . " in $language");
        like($answer, qr/value="\xd0\xb0/, 'with what was typed');
    }
}

# The rest of what may be said, with the most there is to keep.
my @last = ('/l/l0' . 'x' x 62, '/l/l1' . 'x' x 62);

my %token = map { $_ => wire($_) =~ /name="token" value="([^"]+)"/ } @last;

sleep(2.1);
stop($p->{writer});
stop($p->{redis});

for my $link (@last) {
    for my $language (qw(en de fr ar)) {
        small(wire("$link?lang=$language", "token=$token{$link}&name="
                   . '%D0%B0' x 100 . '&email=' . 'x' x 64 . '%40'
                   . join('.', ('y' x 60) x 3) . '&phone=' . '1' x 15),
              503, 'neither writer nor Redis: ' . substr($link, 3, 2)
              . " in $language");
    }
}

restart($p->{redis});
restart($p->{writer});

for my $link (@last) {
    operator($p, '', qw(link close --slug), $link =~ s{/l/}{}r);
    ok((wait_for { wire($link) =~ / 410 / }), 'a link is closed');

    for my $language (qw(en de fr ar)) {
        small(wire("$link?lang=$language"), 410, 'closed: '
              . substr($link, 3, 2) . " in $language");
    }

    operator($p, '', qw(link open --slug), $link =~ s{/l/}{}r);
    ok((wait_for { wire($link) =~ / 200 OK/ }), 'and opened');
}

# Nobody's link has all of that and six full campaign fields; if it had, the
# page would still come.
like(wire('/l/l1' . 'x' x 62 . "?$source"), qr/ 200 OK/, 'the longest query');

done_testing();
