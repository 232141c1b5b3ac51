
/*
 * Copyright (C) Keepers
 */


#include "http/ngx_keepers_template.h"

#include "http/ngx_keepers_body.h"
#include "http/ngx_keepers_str.h"


/* "'sha256-" 44 "' " for each <style> of a page */
#define NGX_KEEPERS_TEMPLATE_STYLES_MAX  1024

#define NGX_KEEPERS_TEMPLATE_PAGE_MAX    (1024 * 1024)


static ngx_int_t ngx_keepers_template_load(ngx_conf_t *cf,
    const ngx_str_t *file, ngx_str_t *text);
static ngx_int_t ngx_keepers_template_text(ngx_conf_t *cf, ngx_file_t *file,
    ngx_str_t *text);


ngx_keepers_template_t *
ngx_keepers_template_read(ngx_conf_t *cf, const ngx_str_t *file,
    keepers_page_resolve_pt resolve, void *data)
{
    ngx_str_t  text;

    if (ngx_keepers_template_load(cf, file, &text) != NGX_OK) {
        return NULL;
    }

    return ngx_keepers_template_compile(cf, file, &text, resolve, data);
}


static ngx_int_t
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
                           "cannot open the template \"%V\"", &file.name);
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
                           "the template \"%V\" must be a file of 1 to %d "
                           "bytes", &file->name,
                           NGX_KEEPERS_TEMPLATE_SIZE_MAX);
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
                           "cannot read the whole template \"%V\"",
                           &file->name);
        return NGX_ERROR;
    }

    return NGX_OK;
}


ngx_keepers_template_t *
ngx_keepers_template_compile(ngx_conf_t *cf, const ngx_str_t *file,
    const ngx_str_t *text, keepers_page_resolve_pt resolve, void *data)
{
    int                      rc;
    size_t                   line;
    keepers_out_t            out;
    keepers_str_t            source;
    ngx_keepers_template_t  *t;

    t = ngx_pcalloc(cf->pool, sizeof(ngx_keepers_template_t));

    if (t == NULL) {
        return NULL;
    }

    /* set by ngx_pcalloc(): variables */

    t->file = *file;
    t->text = *text;

    source = ngx_keepers_from(*text);

    t->page.n = keepers_page_ops(source);
    t->page.ops = ngx_palloc(cf->pool, t->page.n * sizeof(keepers_page_op_t));

    ngx_keepers_out(&out, cf->pool, NGX_KEEPERS_TEMPLATE_STYLES_MAX);

    if (t->page.ops == NULL || out.data == NULL) {
        return NULL;
    }

    rc = keepers_page_compile(&t->page, source, resolve, data, &line);

    if (rc != KEEPERS_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the template \"%V\" is wrong in line %uz: %s",
                           file, line, keepers_page_fault(rc));
        return NULL;
    }

    keepers_page_style_hashes(source, &out);

    if (out.overflow) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the template \"%V\" has too many <style> elements",
                           file);
        return NULL;
    }

    t->styles = ngx_keepers_to(keepers_out_written(&out));

    return t;
}


ngx_int_t
ngx_keepers_template_render(ngx_http_request_t *r,
    const ngx_keepers_template_t *t, keepers_page_value_pt value, void *data,
    size_t hint, keepers_out_t *out)
{
    void    *p;
    size_t   size;

    /* a value may stand several times, and each "'" of it becomes "&#39;" */

    for (size = t->page.text_len + 4096 + 2 * hint;
         size <= NGX_KEEPERS_TEMPLATE_PAGE_MAX;
         size *= 4)
    {
        p = ngx_keepers_secret_alloc(r, size);

        if (p == NULL) {
            return NGX_ERROR;
        }

        keepers_out_init(out, p, size);
        keepers_page_render(&t->page, value, data, out);

        if (!out->overflow) {
            return NGX_OK;
        }
    }

    return NGX_ERROR;
}
