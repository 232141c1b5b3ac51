
/*
 * Copyright (C) Keepers
 */


#include "http/ngx_keepers_words.h"

#include "http/ngx_keepers_str.h"
#include "http/ngx_keepers_template.h"


/* A word is chosen by the number of its fault. */
_Static_assert((int) NGX_KEEPERS_WORD_ENCODING == (int) KEEPERS_FAULT_ENCODING
               && (int) NGX_KEEPERS_WORD_SAY_INVALID == (int) KEEPERS_FAULTS,
               "words of faults");


/* How a switch of languages is written; all of it is HTML. */
typedef struct {
    const char   *name;
    const char   *before;
    const char   *open;         /* up to the tag of a language */
    const char   *more;         /* behind it */
    const char   *close;
} ngx_keepers_switch_t;


static ngx_int_t ngx_keepers_words_read(ngx_conf_t *cf,
    ngx_keepers_words_t *words, const ngx_str_t *text);
static ngx_int_t ngx_keepers_words_named(ngx_conf_t *cf,
    ngx_keepers_words_t *words);
static ngx_int_t ngx_keepers_words_complete(ngx_conf_t *cf,
    const ngx_keepers_words_t *all, ngx_keepers_words_t *words);
static ngx_int_t ngx_keepers_words_switch(ngx_conf_t *cf,
    ngx_array_t *languages, ngx_keepers_words_t *words);
static ngx_int_t ngx_keepers_words_ways(ngx_conf_t *cf,
    ngx_array_t *languages, ngx_keepers_words_t *words,
    const ngx_keepers_switch_t *as);
static keepers_str_t ngx_keepers_words_text(const ngx_keepers_words_t *words,
    const char *name);


static const char *const  ngx_keepers_words_names[NGX_KEEPERS_WORDS] = {
    "",
    "fault_name_required",
    "fault_name_control",
    "fault_name_too_long",
    "fault_email_required",
    "fault_email_syntax",
    "fault_email_too_long",
    "fault_email_disposable",
    "fault_phone_possible",
    "fault_type",
    "fault_encoding",
    "say_invalid",
    "say_encoding",
    "say_duplicate",
    "say_malformed",
    "say_token",
    "say_too_large",
    "say_unknown",
    "say_unavailable",
    "say_later",
    "busy_seconds",
    "busy_minute",
    "busy_minutes",
    "busy_later",
    "title_unknown",
    "title_busy",
    "title_failed"
};


ngx_array_t *
ngx_keepers_words_create(ngx_conf_t *cf)
{
    ngx_array_t  *languages;

    languages = ngx_array_create(cf->pool, 4, sizeof(ngx_keepers_words_t));

    if (languages != NULL) {
        /* read when all files are, unless one of them is English */
        ngx_memzero(ngx_array_push(languages), sizeof(ngx_keepers_words_t));
    }

    return languages;
}


char *
ngx_keepers_words_conf(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_keepers_main_conf_t  *kmcf = conf;

    ngx_str_t            *value, text;
    ngx_uint_t            i;
    keepers_str_t         tag;
    ngx_keepers_words_t  *all, *words, read;

    value = cf->args->elts;

    ngx_memzero(&read, sizeof(ngx_keepers_words_t));

    read.file = value[1];

    if (ngx_keepers_template_load(cf, &read.file, &text) != NGX_OK
        || ngx_keepers_words_read(cf, &read, &text) != NGX_OK
        || ngx_keepers_words_named(cf, &read) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    tag = ngx_keepers_words_text(&read, "language");
    all = kmcf->words->elts;

    for (i = 1; i < kmcf->words->nelts; i++) {

        if (keepers_str_eq(tag, ngx_keepers_words_text(&all[i], "language"))) {
            break;
        }
    }

    if (keepers_str_eq(tag, keepers_str("en", 2))) {
        i = 0;
    }

    if (i < kmcf->words->nelts && all[i].file.len != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"keepers_words\": \"%V\" has the language of "
                           "\"%V\"", &read.file, &all[i].file);
        return NGX_CONF_ERROR;
    }

    if (i == KEEPERS_LANGUAGES_MAX) {
        return "is given for too many languages";
    }

    words = (i == 0) ? all : ngx_array_push(kmcf->words);

    if (words == NULL) {
        return NGX_CONF_ERROR;
    }

    *words = read;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_keepers_words_read(ngx_conf_t *cf, ngx_keepers_words_t *words,
    const ngx_str_t *text)
{
    int     rc;
    size_t  line;

    words->words.n = keepers_words_lines(ngx_keepers_from(*text));

    /* and two more: the lists of languages */

    words->words.words = ngx_palloc(cf->pool, (words->words.n + 2)
                                              * sizeof(keepers_word_t));
    if (words->words.words == NULL) {
        return NGX_ERROR;
    }

    rc = keepers_words_read(&words->words, ngx_keepers_from(*text), &line);

    if (rc != KEEPERS_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the words \"%V\" are wrong in line %uz: %s",
                           &words->file, line, keepers_words_fault(rc));
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* Both stand in attributes and in headers. */

static ngx_int_t
ngx_keepers_words_named(ngx_conf_t *cf, ngx_keepers_words_t *words)
{
    size_t         i;
    keepers_str_t  tag, direction;

    tag = ngx_keepers_words_text(words, "language");
    direction = ngx_keepers_words_text(words, "direction");

    for (i = 0; i < tag.len; i++) {
        if (tag.data[i] >= 'A' && tag.data[i] <= 'Z') {
            break;
        }
    }

    if (i < tag.len || !keepers_link_locale(tag)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the words \"%V\" need a line \"language = \" with "
                           "a tag in lower case, like \"de\" or \"pt-br\"",
                           &words->file);
        return NGX_ERROR;
    }

    if (!keepers_str_eq(direction, keepers_str("ltr", 3))
        && !keepers_str_eq(direction, keepers_str("rtl", 3)))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the words \"%V\" need a line \"direction = ltr\" "
                           "or \"direction = rtl\"", &words->file);
        return NGX_ERROR;
    }

    return NGX_OK;
}


char *
ngx_keepers_words_init(ngx_conf_t *cf, ngx_keepers_main_conf_t *kmcf)
{
    ngx_uint_t            i;
    ngx_keepers_words_t  *all, english;

    all = kmcf->words->elts;

    ngx_memzero(&english, sizeof(ngx_keepers_words_t));
    ngx_str_set(&english.file, "built-in");

    if (ngx_keepers_words_read(cf, &english, &ngx_keepers_words_english)
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (all[0].file.len == 0) {
        all[0] = english;
    }

    for (i = 0; i < kmcf->words->nelts; i++) {

        if (ngx_keepers_words_complete(cf, &english, &all[i]) != NGX_OK) {
            return NGX_CONF_ERROR;
        }

        kmcf->languages[i] = ngx_keepers_words_text(&all[i], "language");
    }

    for (i = 0; i < kmcf->words->nelts; i++) {

        if (ngx_keepers_words_switch(cf, kmcf->words, &all[i]) != NGX_OK) {
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


/* Words that nginx chooses have no values in them: no template is around. */

static ngx_int_t
ngx_keepers_words_complete(ngx_conf_t *cf, const ngx_keepers_words_t *all,
    ngx_keepers_words_t *words)
{
    size_t      i;
    ngx_str_t   name;
    ngx_uint_t  n;

    for (i = 0; i < all->words.n; i++) {

        if (keepers_words_find(&words->words, all->words.words[i].name)
            != NULL)
        {
            continue;
        }

        name = ngx_keepers_to(all->words.words[i].name);

        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "the words \"%V\" lack \"%V\"", &words->file, &name);
        return NGX_ERROR;
    }

    for (n = 1; n < NGX_KEEPERS_WORDS; n++) {
        words->of[n] = ngx_keepers_words_text(words,
                                              ngx_keepers_words_names[n]);

        if (memchr(words->of[n].data, '{', words->of[n].len) != NULL) {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "the words \"%V\": \"%s\" cannot have values in it",
                          &words->file, ngx_keepers_words_names[n]);
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/*
 * A way to each language, each in its own, so that who reads no other one finds
 * it: for "{{@languages}}" plain links to the same path, and for
 * "{{@languages_form}}" buttons that take along what was typed.
 */

static ngx_int_t
ngx_keepers_words_switch(ngx_conf_t *cf, ngx_array_t *languages,
    ngx_keepers_words_t *words)
{
    static const ngx_keepers_switch_t  links = {
        "languages", "",
        "<a href=\"?lang=", "{{query}}\"", "</a>"
    };

    /*
     * Whoever presses Enter in a field means the first button of the form, and
     * that must not be a language's.
     */
    static const ngx_keepers_switch_t  buttons = {
        "languages_form",
        "<button form=\"join\" class=\"trap\" tabindex=\"-1\""
        " aria-hidden=\"true\"></button>\n",
        "<button form=\"join\" name=\"switch\" value=\"", "\"", "</button>"
    };

    if (ngx_keepers_words_ways(cf, languages, words, &links) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_keepers_words_ways(cf, languages, words, &buttons);
}


static ngx_int_t
ngx_keepers_words_ways(ngx_conf_t *cf, ngx_array_t *languages,
    ngx_keepers_words_t *words, const ngx_keepers_switch_t *as)
{
    ngx_uint_t            i;
    keepers_out_t         out;
    keepers_str_t         tag;
    keepers_word_t       *word;
    ngx_keepers_words_t  *all;

    ngx_keepers_out(&out, cf->pool, 512 + 512 * languages->nelts);

    all = languages->elts;

    keepers_out_text(&out, as->before);
    keepers_out_text(&out, "<nav class=\"languages\" aria-label=\"");
    keepers_out_html(&out, ngx_keepers_words_text(words, "languages_label"));
    keepers_out_text(&out, "\"><ul>");

    for (i = 0; i < languages->nelts; i++) {
        tag = ngx_keepers_words_text(&all[i], "language");

        keepers_out_text(&out, "\n<li>");
        keepers_out_text(&out, as->open);
        keepers_out_str(&out, tag);
        keepers_out_text(&out, as->more);
        keepers_out_text(&out, " lang=\"");
        keepers_out_str(&out, tag);
        keepers_out_text(&out, "\" dir=\"");
        keepers_out_str(&out, ngx_keepers_words_text(&all[i], "direction"));
        keepers_out_text(&out, &all[i] == words ? "\" aria-current=\"true\">"
                                                : "\">");
        keepers_out_html(&out, ngx_keepers_words_text(&all[i],
                                                      "language_name"));
        keepers_out_text(&out, as->close);
        keepers_out_text(&out, "</li>");
    }

    keepers_out_text(&out, "\n</ul></nav>");

    if (out.overflow) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "a name of a language is too long in \"keepers_words\"");
        return NGX_ERROR;
    }

    word = &words->words.words[words->words.n++];

    word->name = keepers_str(as->name, ngx_strlen(as->name));
    word->text = (languages->nelts > 1) ? keepers_out_written(&out)
                                        : keepers_str("", 0);
    word->html = true;

    return NGX_OK;
}


static keepers_str_t
ngx_keepers_words_text(const ngx_keepers_words_t *words, const char *name)
{
    const keepers_word_t  *word;

    word = keepers_words_find(&words->words,
                              keepers_str(name, ngx_strlen(name)));

    return word != NULL ? word->text : keepers_str("", 0);
}


keepers_str_t
ngx_keepers_word(ngx_http_request_t *r, ngx_uint_t language,
    ngx_keepers_word_e word)
{
    ngx_keepers_words_t  *all;

    all = ngx_keepers_main_conf(r)->words->elts;

    return all[language].of[word];
}


ngx_keepers_word_e
ngx_keepers_word_busy(ngx_uint_t retry_s)
{
    if (retry_s <= 10) {
        return NGX_KEEPERS_WORD_BUSY_SECONDS;
    }

    if (retry_s <= 60) {
        return NGX_KEEPERS_WORD_BUSY_MINUTE;
    }

    return retry_s <= 600 ? NGX_KEEPERS_WORD_BUSY_MINUTES
                          : NGX_KEEPERS_WORD_BUSY_LATER;
}
