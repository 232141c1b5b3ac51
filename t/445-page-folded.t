#!/usr/bin/perl

# Copyright (C) Keepers

# The page of a link that a worker has kept is, byte for byte, what a rendering
# of the whole template gives: in each language, in each state, whatever the
# request brings; when the link has changed, when words have, when there are
# more pages than are kept.  And nothing of one request is in another's page.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Socket::INET;
use Keepers::Process qw(free_port);
use Keepers::Test;
use Mojo::Util qw(url_escape);
use Test::More;


my $p = start_platform(limits => 'off');
my ($business) = slurp("$p->{dir}/owner.env") =~ /^BUSINESS=(.*)$/m;

# One that is too long to be kept, and is thus rendered as a whole each time.
my $padding = '<!-- ' . 'x' x 16384 . ' -->';
my $dir = work_dir();
my $template = slurp("$Keepers::Test::root/conf/pages/link.html");
my $words = slurp("$Keepers::Test::root/conf/pages/words/de.words");
my $whole = free_port();

spew("$dir/link.html", $template);
spew("$dir/whole.html", $template . $padding);
spew("$dir/de.words", $words);

# both ask one zone, so that they show one record
my $nginx = start_nginx(<<"END" . <<'END' . <<"END");
    keepers_zone           2m;
    keepers_key_file       $p->{dir}/keys/edge.keys;
    keepers_writer_key     $p->{dir}/keys/writer.pub;
    keepers_redis          unix:$p->{redis_socket} user=edge
                           password_file=$p->{dir}/keys/redis-edge.password;
    keepers_redis_timeout  1s;
    keepers_words          $dir/de.words;
    keepers_words          %%ROOT%%/conf/pages/words/fr.words;
    keepers_words          %%ROOT%%/conf/pages/words/ar.words;
    keepers_link_template  $dir/link.html;
END
    server {
        listen 127.0.0.1:%%PORT%%;
        listen unix:%%DIR%%/h2.sock http2;

        location ~ ^/l/([^/]+)$ {
            keepers_link  $1;
            proxy_pass    http://127.0.0.1:9;
        }
END
        location ~ ^/whole/([^/]+)\$ {
            keepers_link           \$1;
            keepers_link_template  $dir/whole.html;
            proxy_pass             http://127.0.0.1:9;
        }
    }

    server {
        listen 127.0.0.1:$whole;

        location ~ ^/l/([^/]+)\$ {
            keepers_link           \$1;
            keepers_link_template  $dir/whole.html;
            proxy_pass             http://127.0.0.1:9;
        }
    }
END

my @languages = qw(en de fr ar);
my $hostile = url_escape(q{<a href='"&">});


sub add {
    my ($slug, @more) = @_;
    my ($status, $said) = operator($p, '', qw(link add --business), $business,
                                   '--slug', $slug, @more);

    $status == 0 or BAIL_OUT($said);
    return;
}


sub ask {
    my ($path, $port, $head, $method) = @_;

    return raw($port // $nginx->{port}, ($method // 'GET')
               . " $path HTTP/1.1\r\nHost: x\r\n" . ($head // '')
               . "Connection: close\r\n\r\n");
}


# What may differ from one answer to the next: when, and the token.
sub bare {
    my ($answer) = @_;

    $answer =~ s/^Date:.*?\r\n//m;
    $answer =~ s/^Content-Length:.*?\r\n//m;
    $answer =~ s/\Q$padding\E//;
    $answer =~ s/(name="token" value=")([\w-]{54})"/$1"/;
    return $answer;
}


# A page, as it is rendered whole, and as it is kept from the second time.
sub same {
    my ($name, $path, $code, $head) = @_;
    my $want = bare(ask($path, $whole, $head));
    my @got = map { bare(ask($path, undef, $head)) } 1 .. 3;

    like($want, qr{^HTTP/1.1 $code }, "$name: $code");
    is($got[$_], $want, "$name: the same, $_") for 0 .. 2;
    return $want;
}


add('least', '--offer' => 'Tea');
add('most', '--offer' => q{'Tea' & <more>}, qw(--phone --name-optional
    --locale de-AT --color ffd700 --retention-days 90), '--consent-email'
    => 'standard', '--consent-sms' => q{Yes, 'by' SMS});
add('shut', '--offer' => 'Tea');
operator($p, '', qw(link close --slug shut));
wait_for { ask('/l/most') =~ / 200 / } for 1 .. 2;
wait_for { ask('/l/shut') =~ / 410 / };
wait_for { ask('/l/least') =~ / 200 / };

for my $language (@languages) {
    my $lang = "lang=$language";

    subtest $language => sub {
        for my $slug (qw(least most)) {
            same($slug, "/l/$slug", 200, "Accept-Language: $language\r\n");
            same("$slug, switched", "/l/$slug?$lang", 200);
            same("$slug, a poster", "/l/$slug?placement=door&$lang", 200);
            same("$slug, a campaign", "/l/$slug?$lang&utm_source=$hostile"
                 . "&utm_medium=a+b&utm_campaign=%C3%A9&utm_term=t"
                 . "&utm_content=$hostile&placement=$hostile", 200);
            same("$slug, too much", "/l/$slug?$lang&"
                 . join('&', map { "$_=" . '%27' x 64 } qw(placement
                        utm_source utm_medium utm_campaign utm_term
                        utm_content)), 200);
            same("$slug, who it is", "/l/$slug?$lang&name=canary-n&email=a%40b"
                 . '&token=x&consent_email=1&phone=123456&tap=1&kept=1', 200);
            same("$slug, too long", "/l/$slug?$lang&placement=" . 'x' x 65,
                 200);
            same("$slug, malformed", "/l/$slug?$lang&placement=%zz", 200);
            same("$slug, twice", "/l/$slug?$lang&placement=a&placement=b",
                 200);
        }

        same('closed', "/l/shut?$lang", 410);
        same('closed, a poster', "/l/shut?$lang&placement=a", 410);
        same('unknown', "/l/nobody?$lang", 404);
    };
}

subtest 'HEAD' => sub {
    my $get = ask('/l/most?placement=a');
    my $head = ask('/l/most?placement=a', undef, undef, 'HEAD');

    s/^Date:.*?\r\n//m for $get, $head;
    is($head, ($get =~ s/\r\n\r\n\K.*//sr), 'has the headers of GET');
    is(length($get =~ s/^.*?\r\n\r\n//sr),
       $get =~ /^Content-Length: (\d+)/m ? $1 : 0, 'that is right');
};

subtest 'HTTP/2' => sub {
    my $curl = "curl -s --http2-prior-knowledge --max-time 10 "
               . "--unix-socket '$nginx->{dir}/h2.sock'";
    my $want = bare(ask('/l/most?placement=a', $whole)) =~ s/^.*?\r\n\r\n//sr;

    is(bare(scalar(qx($curl 'http://x/l/most?placement=a'))), $want, 'the same')
        for 1 .. 3;
};

subtest 'tokens' => sub {
    my %seen;

    for (1 .. 40) {
        my ($token) = ask('/l/most') =~ /name="token" value="([\w-]{54})"/;

        $seen{$token // ''}++;
    }

    is(scalar(keys %seen), 40, 'are new each time');

    my ($token) = keys %seen;
    my $form = "token=$token&name=&email=x&consent_email=1&placement=canary-p";
    my $refused = raw($nginx->{port}, "POST /l/most HTTP/1.1\r\nHost: x\r\n"
        . "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: "
        . length($form) . "\r\nConnection: close\r\n\r\n$form");

    like($refused, qr/^HTTP\S+ 422 .*value="canary-p"/s, 'are accepted');
    unlike(ask('/l/most'), qr/canary|value="x"|checked|role="alert"/,
           'a refusal is of who got it');
    same('then', '/l/most', 200);
};

subtest 'the path is of the request' => sub {
    like(ask('/l/most'), qr{action="/l/most"}, 'one');
    like(ask('/whole/most'), qr{action="/whole/most"}, 'another');
    like(ask('/l/most?lang=fr'), qr{action="/l/most\?lang=fr"}, 'a switch');
    like(ask('/l/most', undef, "Accept-Language: fr\r\n"),
         qr{<html lang="fr".*action="/l/most"}s, 'and none');
};

subtest 'a link that changes' => sub {
    operator($p, '', qw(link close --slug least));
    ok((wait_for { ask('/l/least') =~ / 410 / }), 'is closed');
    same('closed', "/l/least?lang=$_", 410) for @languages;

    operator($p, '', qw(link open --slug least));
    ok((wait_for { ask('/l/least') =~ / 200 / }), 'is open again');
    same('open', "/l/least?lang=$_", 200) for @languages;

    operator($p, '', qw(link close --slug least));
    stop($p->{writer});
    sql($p, "UPDATE links SET offer = 'Cake' WHERE slug = 'least'");
    restart($p->{writer});
    operator($p, '', qw(link open --slug least));
    ok((wait_for { ask('/l/least') =~ / 200 .*>Cake</s }), 'is another');

    for my $language (@languages) {
        like(same('another', "/l/least?lang=$language", 200), qr/Cake/,
             'with what it says now');
    }

    operator($p, '', qw(link delete --slug least));
    ok((wait_for { ask('/l/least') =~ / 404 / }), 'is deleted');
    same('deleted', "/l/least?lang=$_", 404) for @languages;
};

subtest 'more pages than are kept' => sub {
    my @slugs = map { "many$_" } 1 .. 24;

    add($_, '--offer' => "Offer of $_.") for @slugs;

    for my $slug (@slugs) {
        wait_for { ask("/l/$slug") =~ / 200 / };
    }

    # of a client that has asked and does not read
    my $slow = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                     PeerPort => $nginx->{port}) or die($!);

    $slow->syswrite("GET /l/most HTTP/1.1\r\nHost: x\r\n\r\n" x 63
                    . "GET /l/most HTTP/1.1\r\nHost: x\r\n"
                    . "Connection: close\r\n\r\n");

    for my $round (1 .. 3) {
        my @wrong;

        for my $slug (@slugs) {
            for my $language (@languages) {
                my $page = ask("/l/$slug?lang=$language");

                push(@wrong, "$slug in $language")
                    if $page !~ /<html lang="$language".*>Offer of $slug\.</s
                       || $page !~ m{action="/l/$slug\?lang=$language"};
            }
        }

        is("@wrong", '', 'each is its own');
    }

    my $read = do { local $/; <$slow> };
    my @pages = map { "HTTP/1.1$_" } (split(/^HTTP\/1\.1/m, $read))[1 .. 64];
    my $want = bare(ask('/l/most', $whole)) =~ s/^Connection:.*?\r\n//mr;

    is(scalar(grep { bare($_) =~ s/^Connection:.*?\r\n//mr eq $want } @pages),
       64, 'and so is what was asked for before');
};

subtest 'other words, another template' => sub {
    unlike(same('before', '/l/most?lang=de', 200), qr/Jetzt los/, 'before');
    spew("$dir/de.words", $words =~ s/^join = .*$/join = Jetzt los/mr);
    reload($nginx);
    like(same('words', '/l/most?lang=de', 200), qr/Jetzt los/, 'now');

    spew("$dir/link.html", $template =~ s/<main>/<main id="new">/r);
    spew("$dir/whole.html",
         $template =~ s/<main>/<main id="new">/r . $padding);
    reload($nginx);
    like(same('template', '/l/most?lang=de', 200), qr/<main id="new">/, 'now');
};

subtest 'Redis away' => sub {
    kill_hard($p->{redis});
    same('kept', "/l/most?lang=$_", 200) for @languages;
};

done_testing();
