#!/usr/bin/perl

# Copyright (C) Keepers

# A page of a link is in the language of its reader, in all that it says and
# in every state: by the switch, by the browser, by the link, in English.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Keepers::Test;
use Mojo::Util qw(decode);
use Test::More;


# What tells a language by one look: each state's own words.
my %says = (
    en => { dir => 'ltr', join => 'Join', thanks => 'Thank you for joining',
            name => 'Please enter your name.', closed => 'This link is closed',
            tap => 'One more tap', unknown => 'Nothing to show here',
            failed => 'This did not work' },
    de => { dir => 'ltr', join => 'Mitmachen',
            thanks => 'Danke, dass Sie mitmachen',
            name => 'Bitte geben Sie Ihren Namen ein.',
            closed => 'Dieser Link ist geschlossen',
            tap => 'Noch einmal tippen',
            unknown => 'Hier gibt es nichts zu sehen',
            failed => 'Das hat nicht geklappt' },
    fr => { dir => 'ltr', join => "Je m\x{2019}inscris",
            thanks => 'Merci de votre inscription',
            name => 'Veuillez saisir votre nom.',
            closed => "Ce lien est ferm\x{e9}", tap => 'Encore un appui',
            unknown => "Il n\x{2019}y a rien ici",
            failed => "Cela n\x{2019}a pas fonctionn\x{e9}" },
    ar => { dir => 'rtl', map { $_->[0] => words_of('ar')->{$_->[1]} }
            ['join', 'join'], ['thanks', 'thanks_title'], ['tap', 'tap_title'],
            ['name', 'fault_name_required'], ['closed', 'closed_title'],
            ['unknown', 'title_unknown'], ['failed', 'title_failed'] },
);

my $p = start_platform(limits => 'off');
my ($business) = slurp("$p->{dir}/owner.env") =~ /^BUSINESS=(.*)$/m;


sub words_of {
    my ($language) = @_;
    my $text = decode('UTF-8', slurp("$Keepers::Test::root/conf/pages/words/"
                                     . "$language.words"));

    return { $text =~ /^(\w+) = (.*)$/mg };
}


sub link_do {
    my ($status, $said) = operator($p, '', 'link', @_);

    return $status == 0 ? 1 : diag($said) && 0;
}


sub get {
    my ($path, %header) = @_;

    return ua()->get("$p->{url}$path" => \%header)->res;
}


sub post {
    my ($path, $field, %header) = @_;

    return ua()->post("$p->{url}$path" => \%header => form => $field)->res;
}


# An answer is whole in one language: its root, its header, its words.
sub speaks {
    my ($res, $language, $state, $name) = @_;
    my $root = $res->dom->at('html');

    subtest "$name: $language" => sub {
        is($root->{lang}, $language, 'lang');
        is($root->{dir}, $says{$language}{dir}, 'dir');
        is($res->headers->header('Content-Language'), $language, 'header');
        is($res->headers->header('Vary'), 'Accept-Language', 'Vary');
        like($res->dom->at('body')->all_text, qr/\Q$says{$language}{$state}\E/,
             'words');
        unlike($res->text, qr/\{\{/, 'no word is missing');
    };
}


link_do('add', '--business' => $business, '--slug' => 'wien', '--offer'
        => 'Jeder zehnte Kaffee', '--locale' => 'de-AT', '--phone',
        '--color' => 'ffd700', '--consent-email' => 'standard',
        '--consent-sms' => 'Ja, per SMS.') or BAIL_OUT('no link');
link_do('add', '--business' => $business, '--slug' => 'closed', '--offer' => 'x')
    && link_do('close', '--slug' => 'closed') or BAIL_OUT('no link');
wait_for { get('/l/closed')->code == 410 && get('/l/wien')->code == 200 };

subtest 'who decides' => sub {
    my $link = '/l/corner-coffee';

    speaks(get($link), 'en', 'join', 'nobody');
    speaks(get('/l/wien'), 'de', 'join', 'the link');
    speaks(get('/l/wien', 'Accept-Language' => 'fr-CH, en;q=0.7'), 'fr',
           'join', 'the browser before the link');
    speaks(get('/l/wien', 'Accept-Language' => 'ja, *;q=0.1'), 'de', 'join',
           'the link where the browser takes any');
    speaks(get('/l/wien', 'Accept-Language' => 'ja'), 'de', 'join',
           'the link where the browser has none of ours');
    speaks(get("$link?lang=ar", 'Accept-Language' => 'fr'), 'ar', 'join',
           'the switch before the browser');
    speaks(get("$link?lang=AR"), 'ar', 'join', 'the switch in capitals');
    speaks(get("$link?lang=%3Cb%3E", 'Accept-Language' => 'fr'), 'fr', 'join',
           'not what is no language of ours');
    speaks(get("$link?lang=de-AT"), 'en', 'join', 'nor a piece of it');
    unlike(get("$link?lang=zz%22zz")->body, qr/zz(?:"|%22|&)/,
           'nor is it shown');
};

for my $language (sort keys %says) {
    my %accept = ('Accept-Language' => $language);
    my %chosen = (%accept, 'Accept-Language' => $language eq 'fr' ? 'de' : 'fr');

    subtest "all in $language" => sub {
        my $page = get('/l/wien', %accept);
        my $dom = $page->dom;
        my $token = $dom->at('[name=token]')->{value};

        is($dom->at('h1')->{lang}, 'de-AT', 'the offer stays what it is');
        is($dom->at('[name=locale]')->{value}, $language, 'the form knows it');
        is($dom->find('nav.languages a')->size, 4, 'a switch');
        is($dom->at('nav [aria-current]')->{lang}, $language, 'that is on it');
        is($dom->at("nav a[lang=ar]")->{dir}, 'rtl', 'each in its direction');

        speaks(post('/l/wien', { token => $token, email => 'x' }, %accept),
               $language, 'name', 'faults');
        speaks(post('/l/wien', { token => $token, name => 'Ana',
               email => 'canary-ana@example.com' }, %accept), $language, 'tap',
               'one more tap');
        speaks(get('/l/wien/thanks', %accept), $language, 'thanks', 'thanks');
        speaks(get('/l/closed', %accept), $language, 'closed', 'closed');
        speaks(get('/l/nobody', %accept), $language, 'unknown', 'unknown');
        speaks(get('/l/nobody/thanks', %accept), $language, 'unknown',
               'thanks of nobody');
        speaks(get('/nowhere', %accept), $language, 'unknown', 'no page');
        speaks(post('/l/wien', { name => 'x' x 20000 }, %accept), $language,
               'failed', 'too large');
    };

    subtest "$language by the switch" => sub {
        my $page = get("/l/wien?placement=a%26b&lang=$language&utm_term=x+y",
                       %chosen);
        my $dom = $page->dom;
        my $action = $dom->at('form')->{action};
        my $token = $dom->at('[name=token]')->{value};

        speaks($page, $language, 'join', 'the page');
        is($action, "/l/wien?lang=$language", 'the form goes on with it');
        is($dom->at("nav a[lang=fr]")->{href},
           '?lang=fr&placement=a%26b&utm_term=x%20y',
           'the switch keeps the poster');
        speaks(post($action, { token => $token, email => 'x',
                               placement => 'a&b' }, %chosen),
               $language, 'name', 'faults');

        my $faults = post($action, { token => $token, placement => 'a&b' },
                          %chosen);

        is($faults->dom->at('form')->{action}, $action, 'and so does theirs');
        is($faults->dom->at('input[name=placement]')->{value}, 'a&b',
           'with the poster');

        my $ua = ua();
        my $fresh = $ua->get("$p->{url}$action" => \%chosen)->res->dom;
        my %field = (name => 'Ana', email => "canary-$language\@example.com",
                     consent_email => 1, consent_sms => 1,
                     locale => $fresh->at('[name=locale]')->{value});

        $field{token} = $fresh->at('[name=token]')->{value};

        my $tap = post($action, \%field, %chosen);

        speaks($tap, $language, 'tap', 'one more tap');
        $field{token} = $tap->dom->at('[name=token]')->{value};

        # the tap comes too fast as well, until two seconds are over
        my $sent = wait_for {
            my $res = post($action, \%field, %chosen);
            $res->code == 303 && $res
        };

        is($sent->headers->location, "/l/wien/thanks?lang=$language",
           'and so do the thanks');
        speaks(get($sent->headers->location, %chosen), $language, 'thanks',
               'thanks');
        unlike(get('/l/wien/thanks')->body, qr/canary/, 'and know nobody');
    };
}

# Who reads why she has not joined, and does not understand it, chooses another
# language, and has typed nothing in vain.
subtest 'the switch of a form with something in it' => sub {
    my %de = ('Accept-Language' => 'de');
    my $token = get('/l/wien', %de)->dom->at('[name=token]')->{value};
    my %typed = (name => 'Ana "A"', email => 'canary-typed@', phone => '12',
                 consent_email => 1, placement => 'a&b', token => $token);
    my $faults = post('/l/wien', \%typed, %de)->dom;
    my $before = ua()->get("$p->{url}/keepers/status")->res->body;

    is($faults->find('nav a')->size, 0, 'no link that would lose it');
    is($faults->find('nav button[name=switch]')->size, 4, 'buttons instead');
    is($faults->at('nav [aria-current]')->{value}, 'de', 'one is on');

    my $first = $faults->find('button[form=join], form#join button')->first;

    ok(!defined $first->{name}, 'Enter in a field is no language');

    for my $language (qw(ar fr en)) {
        my $res = post('/l/wien', { %typed, switch => $language }, %de);
        my $dom = $res->dom;

        is($res->code, 200, "$language: the form");
        is($dom->at('html')->{lang}, $language, "$language: in it");
        is($dom->at('form')->{action}, "/l/wien?lang=$language",
           "$language: and goes on in it");
        is($dom->at("[name=$_]")->{value}, $typed{$_}, "$language: $_")
            for qw(name email phone placement token);
        ok(exists $dom->at('#consent_email')->{checked}, "$language: the box");
        ok($dom->at('#email-fault'), "$language: what is wrong, too");
    }

    my $odd = post('/l/wien', { %typed, switch => 'zz"zz' }, %de);

    is($odd->code, 200, 'a language that there is not');
    is($odd->dom->at('html')->{lang}, 'de', 'changes nothing');
    unlike($odd->body, qr/zz(?:"|%22|&)/, 'nor is it shown');

    my $good = post('/l/wien', { %typed, email => 'canary-sw@example.com',
                                 phone => '', switch => 'fr' }, %de);

    is($good->code, 200, 'nothing wrong any more');
    ok(!$good->dom->at('.summary'), 'and nothing is said');

    my $after = ua()->get("$p->{url}/keepers/status")->res->body;
    my $joined = qr/^(keepers_signups_total.*)$/m;

    is(join('', $after =~ /$joined/g), join('', $before =~ /$joined/g),
       'nobody has joined, and nobody was refused, by a switch');
};

# A consent is kept with the text that was on the page, byte by byte.
subtest 'what is kept' => sub {
    for my $language (sort keys %says) {
        my $dom = get('/l/wien', 'Accept-Language' => $language)->dom;
        my $shown = $dom->at('label[for=consent_email] bdi');
        my $rows = "FROM consents_given c JOIN consent_texts t ON t.hash = c.hash"
                   . " WHERE c.locale = '$language'";

        is($shown->{lang}, $language, 'a standard text is in the language');
        like($shown->text, qr/Corner Coffee/, 'with the name');
        is($dom->at('label[for=consent_sms] bdi')->text, 'Ja, per SMS.',
           'the own one is what it is');
        is($dom->at('label[for=consent_sms] bdi')->{lang}, 'de-AT', 'and says so');
        is(decode('UTF-8', sql($p, "SELECT t.text $rows AND kind = 1")),
           $shown->text, "$language: kept as it was shown");
        is(sql($p, "SELECT t.text $rows AND kind = 2"), 'Ja, per SMS.',
           'and so is the own one');
    }
};

subtest 'what was not shown' => sub {
    my $ua = ua();
    my $joined = sub {
        return $ua->post("$p->{url}/l/wien" => { 'Idempotency-Key' => $_[0] }
            => json => { name => 'Eve', email => "canary-$_[0]\@example.com",
                         consent_email => \1, locale => $_[0] })->res->code;
    };

    is($joined->('de-CH'), 202, 'a program has the text of its locale');
    is($joined->('ja'), 202, 'or the English one');
    is(sql($p, "SELECT count(*) FROM consents_given c JOIN consent_texts t"
               . " ON t.hash = c.hash WHERE c.locale IN ('de-CH', 'ja')"
               . " AND t.text LIKE '%darf mir%' OR c.locale = 'ja'"
               . " AND t.text LIKE '%may send me%'"), 2, 'and is kept with it');
};

subtest 'letters on the colour' => sub {
    is(get('/l/wien')->dom->at('button.join.white'), undef, 'black on gold');
    ok(get('/l/corner-coffee')->dom->at('button.join.white'), 'white on brown');
};

subtest 'nothing of it in a log' => sub {
    get('/l/wien?lang=canary-lang@example.com');
    is(scalar logs(qr/lang=/), 0, 'no query at all');
};

subtest 'Redis away' => sub {
    kill_hard($p->{redis});

    for my $language (sort keys %says) {
        my $res = get('/l/not-seen', 'Accept-Language' => $language);

        is($res->code, 503, 'a page that nobody has seen');
        ok($res->headers->header('Retry-After'), 'later');
        speaks($res, $language, 'failed', 'failed');
    }
};

done_testing();
