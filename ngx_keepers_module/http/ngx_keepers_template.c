
/*
 * Copyright (C) Keepers
 */


#include "http/ngx_keepers_template.h"

#include "http/ngx_keepers_body.h"
#include "http/ngx_keepers_str.h"
#include "http/ngx_keepers_words.h"


/* "'sha256-" 44 "' " for each <style> of a page */
#define NGX_KEEPERS_TEMPLATE_STYLES_MAX  1024

#define NGX_KEEPERS_TEMPLATE_PAGE_MAX    (1024 * 1024)


static ngx_int_t ngx_keepers_template_text(ngx_conf_t *cf, ngx_file_t *file,
    ngx_str_t *text);
static ngx_int_t ngx_keepers_template_words(ngx_conf_t *cf,
    ngx_keepers_template_t *t, const keepers_words_t *words,
    ngx_keepers_view_t *view);
static ngx_int_t ngx_keepers_template_view(ngx_conf_t *cf,
    ngx_keepers_template_t *t, ngx_keepers_view_t *view,
    keepers_page_resolve_pt resolve, void *data);


ngx_keepers_template_t *
ngx_keepers_template_read(ngx_conf_t *cf, const ngx_str_t *file)
{
    ngx_str_t  text;

    if (ngx_keepers_template_load(cf, file, &text) != NGX_OK) {
        return NULL;
    }

    return ngx_keepers_template_create(cf, file, &text);
}


ngx_keepers_template_t *
ngx_keepers_template_create(ngx_conf_t *cf, const ngx_str_t *file,
    const ngx_str_t *text)
{
    ngx_keepers_template_t  *t;

    t = ngx_pcalloc(cf->pool, sizeof(ngx_keepers_template_t));

    if (t == NULL) {
        return NULL;
    }

    /* set by ngx_pcalloc(): views, variables */

    t->file = *file;
    t->text = *text;

    return t;
}


ngx_int_t
ngx_keepers_template_load(ngx_conf_t *cf, const ngx_str_t *name,
    ngx_str_t *text)
{
    ngx_int_t   rc;
    ngx_file_t  file;

    ngx_memzero(&file, sizeof(ngx_file_t));

    file.name = *name;
    file.log = cf->log;

    if (ngx_conf_full_name(cf->cycle, &file.name, 1) != NGX_OK) {
        return NGX_ERROR;
    }

    file.fd = ngx_open_file(file.name.data, NGX_FILE_RDONLY, NGX_FILE_OPEN, 0);

    if (file.fd == NGX_INVALID_FILE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "cannot open \"%V\"", &file.name);
        return NGX_ERROR;
    }

    rc = ngx_keepers_template_text(cf, &file, text);

    if (ngx_close_file(file.fd) == NGX_FILE_ERROR) {
        ngx_conf_log_error(NGX_LOG_ALERT, cf, ngx_errno,
                           ngx_close_file_n " \"%V\" failed", &file.name);
    }

    return rc;
}


static ngx_int_t
ngx_keepers_template_text(ngx_conf_t *cf, ngx_file_t *file, ngx_str_t *text)
{
    size_t           size;
    ngx_file_info_t  fi;

    if (ngx_fd_info(file->fd, &fi) == NGX_FILE_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           ngx_fd_info_n " \"%V\" failed", &file->name);
        return NGX_ERROR;
    }

    if (!ngx_is_file(&fi) || ngx_file_size(&fi) == 0
        || ngx_file_size(&fi) > NGX_KEEPERS_TEMPLATE_SIZE_MAX)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" must be a file of 1 to %d bytes",
                           &file->name, NGX_KEEPERS_TEMPLATE_SIZE_MAX);
        return NGX_ERROR;
    }

    size = (size_t) ngx_file_size(&fi);

    text->len = size;
    text->data = ngx_pnalloc(cf->pool, size);

    if (text->data == NULL) {
        return NGX_ERROR;
    }

    if (ngx_read_file(file, text->data, size, 0) != (ssize_t) size) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "cannot read the whole of \"%V\"", &file->name);
        return NGX_ERROR;
    }

    return NGX_OK;
}


ngx_int_t
ngx_keepers_template_compile(ngx_conf_t *cf, ngx_keepers_template_t *t,
    keepers_page_resolve_pt resolve, void *data)
{
    ngx_uint_t                i, n;
    ngx_keepers_view_t       *views;
    ngx_keepers_words_t      *words;
    ngx_keepers_main_conf_t  *kmcf;

    if (t->views != NULL) {
        return NGX_OK;
    }

    kmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_keepers_module);

    words = kmcf->words->elts;
    n = kmcf->words->nelts;

    views = ngx_pcalloc(cf->pool, n * sizeof(ngx_keepers_view_t));

    if (views == NULL) {
        return NGX_ERROR;
    }

    /* without words it is the same in each language */

    if (!keepers_words_wanted(ngx_keepers_from(t->text))) {
        views[0].text = t->text;

        if (ngx_keepers_template_view(cf, t, &views[0], resolve, data)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        for (i = 1; i < n; i++) {
            views[i] = views[0];
        }

        t->views = views;

        return NGX_OK;
    }

    for (i = 0; i < n; i++) {
        views[i].language = ngx_keepers_to(kmcf->languages[i]);

        if (ngx_keepers_template_words(cf, t, &words[i].words, &views[i])
            != NGX_OK
            || ngx_keepers_template_view(cf, t, &views[i], resolve, data)
               != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    t->views = views;

    return NGX_OK;
}


static ngx_int_t
ngx_keepers_template_words(ngx_conf_t *cf, ngx_keepers_template_t *t,
    const keepers_words_t *words, ngx_keepers_view_t *view)
{
    int            rc;
    size_t         size, line;
    keepers_out_t  out;

    for (size = 2 * t->text.len + 4096;
         size <= NGX_KEEPERS_TEMPLATE_PAGE_MAX;
         size *= 2)
    {
        ngx_keepers_out(&out, cf->pool, size);

        if (out.data == NULL) {
            return NGX_ERROR;
        }

        rc = keepers_words_put(words, ngx_keepers_from(t->text), &out, &line);

        if (rc != KEEPERS_OK) {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "the template \"%V\" is wrong in line %uz: %s",
                          &t->file, line, keepers_words_fault(rc));
            return NGX_ERROR;
        }

        if (!out.overflow) {
            view->text = ngx_keepers_to(keepers_out_written(&out));
            return NGX_OK;
        }
    }

    ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                  "the template \"%V\" is too large with its words", &t->file);

    return NGX_ERROR;
}


static ngx_int_t
ngx_keepers_template_view(ngx_conf_t *cf, ngx_keepers_template_t *t,
    ngx_keepers_view_t *view, keepers_page_resolve_pt resolve, void *data)
{
    int            rc;
    size_t         line;
    keepers_out_t  out;
    keepers_str_t  source;

    source = ngx_keepers_from(view->text);

    view->page.n = keepers_page_ops(source);
    view->page.ops = ngx_palloc(cf->pool,
                                view->page.n * sizeof(keepers_page_op_t));

    ngx_keepers_out(&out, cf->pool, NGX_KEEPERS_TEMPLATE_STYLES_MAX);

    if (view->page.ops == NULL || out.data == NULL) {
        return NGX_ERROR;
    }

    rc = keepers_page_compile(&view->page, source, resolve, data, &line);

    if (rc != KEEPERS_OK) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "the template \"%V\" is wrong in line %uz: %s",
                      &t->file, line, keepers_page_fault(rc));
        return NGX_ERROR;
    }

    keepers_page_style_hashes(source, &out);

    if (keepers_page_scripted(source)) {
        keepers_out_text(&out, "; script-src 'self'; connect-src 'self'");
    }

    if (out.overflow) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "the template \"%V\" has too many <style> elements",
                      &t->file);
        return NGX_ERROR;
    }

    view->styles = ngx_keepers_to(keepers_out_written(&out));

    return NGX_OK;
}


ngx_int_t
ngx_keepers_template_render(ngx_http_request_t *r,
    const ngx_keepers_view_t *view, keepers_page_value_pt value, void *data,
    size_t hint, keepers_out_t *out)
{
    void    *p;
    size_t   size;

    /* a value may stand several times, and each "'" of it becomes "&#39;" */

    for (size = view->page.text_len + 4096 + 2 * hint;
         size <= NGX_KEEPERS_TEMPLATE_PAGE_MAX;
         size *= 4)
    {
        p = ngx_keepers_secret_alloc(r, size);

        if (p == NULL) {
            return NGX_ERROR;
        }

        keepers_out_init(out, p, size);
        keepers_page_render(&view->page, value, data, out);

        if (!out->overflow) {
            ngx_keepers_secret_cut(p, out->len);
            return NGX_OK;
        }
    }

    return NGX_ERROR;
}
