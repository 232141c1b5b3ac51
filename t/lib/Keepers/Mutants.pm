package Keepers::Mutants;

# Copyright (C) Keepers

# A mutant is a small fault in the product that some test must notice: a file
# in t/mutants/ of the form
#
#     title: "no such session" is believed for ever
#     rule: a session that is not there is not there for a second at most
#     file: ngx_keepers_module/http/ngx_keepers_recent.c
#     tests: t/140-session-zone.t t/unit/test_keepers_session.c
#     --- old
#     #define NGX_KEEPERS_RECENT_NONE_MS   1000
#     --- new
#     #define NGX_KEEPERS_RECENT_NONE_MS   1000000
#     --- end
#
# The old text occurs in the file exactly once; it and the new one are whole
# or parts of lines, without the last line feed.  A fault in several places has
# several pairs of them.

use strict;
use warnings;

use Exporter qw(import);

our @EXPORT = qw(mutants_read mutant_faults mutant_apply);

my $unit = qr{^t/unit/test_\w+\.c$};


sub read_text {
    my ($file) = @_;

    open(my $in, '<:raw', $file) or return;
    local $/;
    return <$in>;
}


sub mutant_parse {
    my ($name, $text) = @_;
    my %mutant = (name => $name, pairs => [], faults => []);
    my ($head, $rest) = $text =~ /\A(.*?)^(--- old\n.*)\z/ms;

    if (!defined $rest) {
        push(@{$mutant{faults}}, 'has no "--- old"');
        return \%mutant;
    }

    for my $line (split(/\n/, $head)) {
        if ($line =~ /^(title|rule|file|tests): (\S.*)$/ && !$mutant{$1}) {
            $mutant{$1} = $2;

        } else {
            push(@{$mutant{faults}}, "has a line \"$line\"");
        }
    }

    while ($rest =~ s/\A--- old\n(.*?)^--- new\n(.*?)(?=^--- (?:old|end)$)//ms) {
        push(@{$mutant{pairs}}, [map { s/\n\z//r } $1, $2]);
    }

    push(@{$mutant{faults}}, 'does not end with "--- end"')
        if $rest ne "--- end\n";

    for my $field (qw(title rule file tests)) {
        push(@{$mutant{faults}}, "has no $field") unless $mutant{$field};
    }

    $mutant{tests} = [split(' ', $mutant{tests} // '')];
    return \%mutant;
}


# All of them, by name; what is wrong with one is in its faults.
sub mutants_read {
    my ($root) = @_;

    return map {
        my ($name) = m{([^/]+)\.mutant$};
        mutant_parse($name, read_text($_) // '');
    } sort glob("$root/t/mutants/*.mutant");
}


# The text with the fault in it; undef if an old text is not there just once.
sub mutant_apply {
    my ($mutant, $text) = @_;

    for my $pair (@{$mutant->{pairs}}) {
        my ($old, $new) = @{$pair};
        my $at = index($text, $old);

        return if $old eq '' || $at < 0 || index($text, $old, $at + 1) >= 0;
        substr($text, $at, length($old)) = $new;
    }

    return $text;
}


# Why this one could not be tried in that tree.
sub mutant_faults {
    my ($mutant, $root) = @_;
    my @faults = @{$mutant->{faults}};

    return @faults if @faults;

    my $text = read_text("$root/$mutant->{file}");

    if (!defined $text) {
        push(@faults, "$mutant->{file} is not there");

    } else {
        my $changed = mutant_apply($mutant, $text);

        push(@faults, !defined $changed
                      ? "an old text is not in $mutant->{file} just once"
                      : $changed eq $text ? 'changes nothing' : ());
    }

    for my $test (@{$mutant->{tests}}) {
        push(@faults, "$test is no test")
            unless -f "$root/$test" && $test =~ m{^t/\d{3}-[\w-]+\.t$|$unit};
    }

    return @faults;
}


1;
