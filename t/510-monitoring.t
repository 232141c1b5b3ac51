#!/usr/bin/perl

# Copyright (C) Keepers

# The alerts and the dashboard of docs/monitoring speak of what keepers_status
# gives, fire when they must, and say what to do.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Keepers::Test;
use Mojo::JSON qw(decode_json encode_json);
use Test::More;


my $root = $Keepers::Test::root;
my $promtool = "$root/build/tools/usr/bin/promtool";
my $redis = start_redis();

# a rule of each mode, so that all values of the label are there
my $nginx = start_nginx(<<'END');
    keepers_zone      2m;
    keepers_key_file  %%KEYS%%/edge.keys;
    keepers_redis     unix:%%REDIS%%;

    keepers_limit_rule  a  key=$uri rate=1/s;
    keepers_limit_rule  b  key=$uri rate=1/s mode=shadow;
    keepers_limit_rule  c  key=$uri rate=1/s mode=tap;
    keepers_limit_rule  d  key=$uri rate=1/s mode=hold;

    server {
        listen 127.0.0.1:%%PORT%%;
        location = /metrics { keepers_status prometheus; }
        location @spool { keepers_spool; }
    }
END

ok(wait_for { metrics() =~ /^keepers_spool_signups/m
              && metrics() =~ /^keepers_redis_evicts/m }, 'Redis is asked');

my $given = samples(metrics());
my $yaml = slurp("$root/docs/monitoring/alerts.yml");
my @alerts = alerts($yaml);
my $dashboard = eval {
    decode_json(slurp("$root/docs/monitoring/grafana-dashboard.json"))
};

ok($dashboard, 'the dashboard is JSON') or BAIL_OUT($@);

my @panels = grep { $_->{type} ne 'row' } @{$dashboard->{panels}};
my @shown = map { $_->{expr} } map { @{$_->{targets}} } @panels;


sub metrics { return ua()->get("$nginx->{url}/metrics")->res->body }


# name => label => value => 1; a histogram by the names of its series
sub samples {
    my ($text) = @_;
    my %given;

    while ($text =~ /^(\w+)(?:\{(.*)\})? \S+$/mg) {
        my ($name, $labels) = ($1, $2 // '');

        $given{$name} //= {};
        $given{$name}{$1}{$2} = 1 while $labels =~ /(\w+)="([^"]*)"/g;
    }

    return \%given;
}


# The alerts as they are written: YAML of one shape, which promtool reads too.
sub alerts {
    my ($text) = @_;
    my @found;

    for my $block (split(/^      - (?=alert: )/m, $text)) {
        my ($name) = $block =~ /^alert: (\w+)$/m or next;
        my %alert = (name => $name);

        $block =~ s/^ *#.*\n//mg;

        while ($block =~ /^( +)(\w+): (?:>-\n((?:\1 +.*\n)+)|(.+)\n)/mg) {
            my ($key, $value) = ($2, $3 // $4);

            $alert{$key} = $value =~ s/\s+/ /gr =~ s/^[ "]+|[ "]+$//gr;
        }

        push(@found, \%alert);
    }

    return @found;
}


# What of an expression is not there; the labels that Prometheus adds are.
sub unknown {
    my ($expr) = @_;
    my %ours;
    my @faults;

    while ($expr =~ /\b(keepers_\w+)(?:\{([^}]*)\})?/g) {
        my ($name, $matchers) = ($1, $2 // '');
        my $labels = $given->{$name};

        if (!$labels) {
            push(@faults, $name);
            next;
        }

        @ours{keys %$labels} = ();

        while ($matchers =~ /(\w+)\s*(?:=~|!~|!=|=)\s*"([^"]*)"/g) {
            my ($label, $values) = ($1, $2);

            next if $label eq 'instance';
            push(@faults, map { "$name $label=$_" }
                          grep { !$labels->{$label}{$_} }
                          split(/\|/, $values));
        }
    }

    while ($expr =~ /\b(?:by|on)\s*\(([^)]*)\)/g) {
        push(@faults, map { "by $_" }
                      grep { $_ ne 'instance' && !exists $ours{$_} }
                      split(/\s*,\s*/, $1));
    }

    return @faults;
}


sub tool {
    my (@arguments) = @_;

    open(my $pipe, '-|', 'sh', '-c', '"$0" "$@" 2>&1', $promtool, @arguments)
        or die("promtool: $!\n");

    my $said = do { local $/; <$pipe> };

    close($pipe);
    return ($? >> 8, $said);
}


subtest 'what is asked for is there' => sub {
    is(join(', ', unknown('keepers_nothing{a="b"} + sum by (verdict, b) '
                          . '(keepers_signins_total{verdict=~"ok|good"})')),
       'keepers_nothing, keepers_signins_total verdict=good, by b',
       'what is not would be seen');

    cmp_ok(scalar @alerts, '>', 10, 'alerts were found');
    cmp_ok(scalar @shown, '>', 30, 'expressions of panels were found');
    is(scalar @alerts, () = $yaml =~ /^\s*- alert:/mg, 'all alerts');

    is(join('; ', unknown($_->{expr})), '', "alert $_->{name}") for @alerts;
    is(join('; ', unknown($_)), '', $_) for @shown;

    my $others = encode_json([$dashboard->{templating},
                              $dashboard->{annotations}]);

    is(join('; ', unknown($others)), '', 'variables of the dashboard');

    my $all = join("\n", @shown);

    is(join(' ', grep { $all !~ /\b\Q$_\E\b/ } sort keys %$given), '',
       'and all that is there is shown');
};


subtest 'alerts' => sub {
    my $guide = slurp("$root/docs/operations.md");
    my %anchor = map { s/[^\w\s-]//g; s/ /-/g; (lc($_) => 1) }
                     $guide =~ /^#+ (.*)$/mg;
    my (%seen, %words);

    for my $alert (@alerts) {
        my $name = $alert->{name};

        ok(!$seen{$name}++, "$name is one");
        like($alert->{severity}, qr/^(?:critical|warning|info)$/,
             'a severity');
        like($alert->{for}, qr/^\d+[mh]$/, 'how long');
        cmp_ok(length($alert->{description} // ''), '>', 40, 'what to do');
        like($alert->{summary}, qr/\{\{ \$labels\.instance \}\}/, 'where');

        my ($section) = $alert->{runbook}
                        =~ m{^docs/operations\.md#([\w-]+)$};

        ok($section && $anchor{$section}, "its section: $alert->{runbook}");
        $words{$_} = 1 for "$alert->{summary} $alert->{description}"
                           =~ /\b(keepers_\w+)/g;
    }

    is(join(' ', grep { !$given->{$_} && !-e "$root/docs/directives/$_.md" }
                 sort keys %words), '',
       'words name counters and directives that there are');
};


subtest 'promtool' => sub {
    my ($status, $said) = tool(qw(check rules --lint=all --lint-fatal),
                               "$root/docs/monitoring/alerts.yml");

    is($status, 0, 'the rules are rules') or diag($said);
    like($said, qr/^\s*SUCCESS: @{[scalar @alerts]} rules found$/m,
         'all of them');

    ($status, $said) = tool(qw(test rules), "$root/t/monitoring/alerts.yml");
    is($status, 0, 'they fire when they must, and else are silent')
        or diag($said);

    # what a panel shows is an expression too
    my $n = 0;
    my @records = map { s/\$__rate_interval/5m/gr =~ s/\$instance/.*/gr }
                      @shown;
    my $file = spew(work_dir() . '/panels.json', encode_json({
        groups => [{ name => 'panels', rules => [
            map { { record => 'panel:' . $n++, expr => $_ } } @records
        ] }] }) =~ s{\\/}{/}gr);

    ($status, $said) = tool(qw(check rules), $file);
    is($status, 0, 'expressions of panels are PromQL') or diag($said);
};


subtest 'dashboard' => sub {
    my (%id, %place);

    for my $panel (@{$dashboard->{panels}}) {
        my ($at, %ref) = $panel->{gridPos};

        ok(!$id{$panel->{id}}++, "$panel->{title}: an id of its own");

        for my $x ($at->{x} .. $at->{x} + $at->{w} - 1) {
            for my $y ($at->{y} .. $at->{y} + $at->{h} - 1) {
                push(@{$place{"$x $y"}}, $panel->{title});
            }
        }

        cmp_ok($at->{x} + $at->{w}, '<=', 24, 'inside the page');
        next if $panel->{type} eq 'row';

        ok(!$ref{$_->{refId}}++, "query $_->{refId} once")
            for @{$panel->{targets}};
        is($_->{datasource}{uid}, '${datasource}', 'of the Prometheus chosen')
            for $panel, @{$panel->{targets}};
    }

    is(join('; ', map { "@$_" } grep { @$_ > 1 } values %place), '',
       'no panel lies on another');
    unlike(encode_json($dashboard), qr{https?://}, 'no address of somebody');
};

done_testing();
