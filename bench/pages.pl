# Copyright (C) Keepers

# The page of a link from the shared zone, beside nginx serving the same bytes
# as a file; see sessions.pl for what a case is.

use strict;
use warnings;

{
    cases => [
        [ 'limit', 'pages', '/page.html', 'the same bytes as a file' ],
        [ 'link',  'pages', '/l/bench',   'the page of a link' ],
    ],

    # a visitor of a link has no session
    sessions => [],

    prepared => sub {
        my $answer;

        main::wait_for('the page', sub {
            $answer = main::get('pages', '/l/bench');
            return $answer =~ m{^HTTP/1.1 200 .*?\r\n\r\n}s;
        });

        main::write_file("$main::dir/page.html", $answer =~ s/^.*?\r\n\r\n//sr);
        chmod(0644, "$main::dir/page.html");
    },

    targets => sub {
        my ($speed) = @_;
        my ($file, $how) = main::throughput($speed, 'link', 'limit');

        return (
            [ "page of a link: throughput to a file$how", '%.2f', $file,
              'min', 0.85 ],
        );
    },
};
