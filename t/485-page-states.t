#!/usr/bin/perl

# Copyright (C) Keepers

# Each state of a link's pages, in light and dark, at 360, 768 and 1440 px, in
# English and in Arabic: axe finds nothing (WCAG 2.2 AA), nothing sticks out,
# no target is under 44 px, letters on the business's color are legible, what
# went wrong has the focus.  With the keyboard alone and without JavaScript
# somebody joins.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Keepers::Browser;
use Keepers::Test;
use Mojo::JSON qw(encode_json);
use Test::More;

my $root = $Keepers::Test::root;
my $p = start_platform(limits => 'off');
my ($business) = slurp("$p->{dir}/owner.env") =~ /^BUSINESS=(.*)$/m;


sub link_add {
    my ($slug, $color, @more) = @_;

    push(@more, qw(--consent-email standard)) unless @more;

    my ($status, $said) = operator($p, '', qw(link add --business), $business,
        '--slug', $slug, '--color', $color, '--offer',
        'Every tenth coffee is on us', qw(--phone --retention-days 365
        --consent-sms standard), @more);

    $status == 0 or BAIL_OUT("link add: $said");
    return;
}


sub link_shown {
    my ($slug, $code) = @_;

    return wait_for { ua()->get("$p->{url}/l/$slug")->res->code == $code };
}


# The hardest colors are those between black and white letters.
my %color = (gold => 'ffd700', grey => '757575', snow => 'ffffff',
             night => '000000', red => 'ff0000');

link_add($_, $color{$_}) for sort keys %color;
link_add('closed', '336633');
link_add('own', '1d5a7a', '--consent-email', 'Send me news of Corner Coffee '
         . 'by e-mail, and a word about the cakes.', '--locale', 'en');
operator($p, '', qw(link close --slug closed));
link_shown($_, 200) for sort keys %color;
link_shown('own', 200);
link_shown('closed', 410);

# Redis is nowhere: a first visit fails, a second one meets the limit.
my $away = start_nginx(<<"END");
keepers_zone              1m;
keepers_key_file          %%KEYS%%/edge.keys;
keepers_writer_key        %%KEYS%%/writer.pub;
keepers_redis             unix:%%DIR%%/none.sock;
keepers_words             $root/conf/pages/words/ar.words;
keepers_problem_template  $root/conf/pages/problem.html;
keepers_limit_rule        one key=\$arg_who rate=1/m burst=1;

server {
    listen 127.0.0.1:%%PORT%%;

    location ~ "^/l/(?<slug>[^/]+)\$" {
        keepers_link   \$slug;
        keepers_limit  one;
        proxy_pass     http://127.0.0.1:9;
    }
}
END

my $link = "$p->{url}/l/gold";

sub states {
    my ($url, @states) = @_;

    return (KEEPERS_URL => $url, KEEPERS_STATES => encode_json(\@states));
}

browse('states.mjs', states($p->{url},
    { name => 'form', url => $link, status => 200 },
    { name => 'own', url => "$p->{url}/l/own", status => 200 },
    { name => 'faults', url => $link, status => 422, act => 'faults' },
    { name => 'tap', url => $link, status => 200, act => 'join' },
    { name => 'switch', url => $link, status => 422, act => 'language' },
    { name => 'thanks', url => "$link/thanks", status => 200 },
    { name => 'typo', url => "$link/thanks?mail=gmail.com", status => 200 },
    { name => 'closed', url => "$p->{url}/l/closed", status => 410 },
    { name => 'unknown', url => "$p->{url}/l/nobody", status => 404 },
    { name => 'nothing', url => "$p->{url}/nowhere", status => 404 }),
    KEEPERS_COLORS => encode_json([map { "$p->{url}/l/$_" }
                                   sort keys %color]));

# Somebody has joined, and nobody else may for an hour.
my $limited = start_nginx(<<"END" . <<'END');
keepers_zone              2m;
keepers_key_file          $p->{dir}/keys/edge.keys;
keepers_writer_key        $p->{dir}/keys/writer.pub;
keepers_redis             unix:$p->{redis_socket} user=edge
                          password_file=$p->{dir}/keys/redis-edge.password;
keepers_redis_timeout     1s;
keepers_words             %%ROOT%%/conf/pages/words/ar.words;
keepers_limit_rule        few key=\$request_method if=\$posts rate=1/h;

map \$request_method \$posts {
    default 0;
    POST    1;
}
END
server {
    listen 127.0.0.1:%%PORT%%;

    location ~ "^/l/(?<slug>[^/]+)$" {
        keepers_link           $slug;
        keepers_link_template  %%ROOT%%/conf/pages/link.html;
        keepers_limit          few;
    }
}
END

wait_for { ua()->get("$limited->{url}/l/gold")->res->code == 200 };
wait_for {
    ua()->post("$limited->{url}/l/gold" => form => {})->res->code == 429
};

browse('states.mjs', states($limited->{url},
    { name => 'form-limited', url => "$limited->{url}/l/gold", status => 429,
      act => 'join' }));

browse('states.mjs', states($away->{url},
    { name => 'failed', url => "$away->{url}/l/x", status => 503 },
    { name => 'limited', url => "$away->{url}/l/x?who=me", status => 429 }));

browse('keyboard.mjs', KEEPERS_URL => $p->{url}, KEEPERS_LINK_URL => $link);

# Both are gone: the form comes back with what was typed.
kill_hard($p->{writer});
kill_hard($p->{redis});

browse('states.mjs', states($p->{url},
    { name => 'form-failed', url => $link, status => 503, act => 'late' }));

done_testing();
