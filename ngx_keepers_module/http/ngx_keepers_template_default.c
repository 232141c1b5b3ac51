
/*
 * Copyright (C) Keepers
 *
 * The pages that stand in where no template is named: plain and complete, so
 * that a link works with two directives.  conf/pages/ has the handsome ones.
 */


#include "http/ngx_keepers_template.h"


static const ngx_str_t  ngx_keepers_template_link = ngx_string(
    "<!doctype html>\n"
    "<html lang=\"{{@language}}\" dir=\"{{@direction}}\">\n"
    "<head>\n"
    "<meta charset=\"utf-8\">\n"
    "<title>{{#problem}}{{@not_joined}}: {{/problem}}{{@join_business}}"
    "</title>\n"
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
    "\n"
    "<meta name=\"robots\" content=\"noindex\">\n"
    "<style>\n"
    "body { max-width: 30rem; margin: 1.5rem auto; padding: 0 1rem;\n"
    "  font: 1.0625rem/1.5 sans-serif }\n"
    "nav a { display: inline-block; padding: .75rem 0 }\n"
    "input[type=text], input[type=email], input[type=tel], button {\n"
    "  display: block; box-sizing: border-box; width: 100%; font: inherit;\n"
    "  min-height: 3rem; padding: .5rem }\n"
    "button { margin-top: 1rem; font-weight: bold }\n"
    "input[type=checkbox] { width: 1.5rem; height: 1.5rem }\n"
    ".fault { color: #a3231b; font-weight: bold }\n"
    ".trap { position: absolute; width: 1px; height: 1px; overflow: hidden;\n"
    "  clip-path: inset(50%) }\n"
    "</style>\n"
    "</head>\n"
    "<body>\n"
    "<main>\n"
    "<h1>{{@join_business}}</h1>\n"
    "{{#offer}}<p lang=\"{{locale}}\" dir=\"auto\">{{offer}}</p>\n"
    "{{/offer}}"
    "{{#closed}}<h2>{{@closed_title}}</h2>\n<p>{{@closed}}</p>\n{{/closed}}"
    "{{^closed}}"
    "{{#problem}}<p role=\"alert\" class=\"fault\">{{problem}}</p>\n"
    "{{/problem}}"
    "<form id=\"join\" method=\"post\" action=\"{{action}}\""
    " accept-charset=\"utf-8\" novalidate>\n"
    "{{#tap}}<p id=\"tap\">{{@tap}}</p>\n<button autofocus"
    " aria-describedby=\"tap\">{{@join}}</button>\n{{/tap}}"
    "<input type=\"hidden\" name=\"token\" value=\"{{token}}\">\n"
    "<input type=\"hidden\" name=\"locale\" value=\"{{@language}}\">\n"
    "{{#placement}}<input type=\"hidden\" name=\"placement\""
    " value=\"{{placement}}\">\n{{/placement}}"
    "{{#utm_source}}<input type=\"hidden\" name=\"utm_source\""
    " value=\"{{utm_source}}\">\n{{/utm_source}}"
    "{{#utm_medium}}<input type=\"hidden\" name=\"utm_medium\""
    " value=\"{{utm_medium}}\">\n{{/utm_medium}}"
    "{{#utm_campaign}}<input type=\"hidden\" name=\"utm_campaign\""
    " value=\"{{utm_campaign}}\">\n{{/utm_campaign}}"
    "{{#utm_term}}<input type=\"hidden\" name=\"utm_term\""
    " value=\"{{utm_term}}\">\n{{/utm_term}}"
    "{{#utm_content}}<input type=\"hidden\" name=\"utm_content\""
    " value=\"{{utm_content}}\">\n{{/utm_content}}"
    "<p><label for=\"name\">{{@name}}{{#name_optional}} {{@optional}}"
    "{{/name_optional}}</label>\n"
    "{{#name_fault}}<span class=\"fault\" id=\"name-fault\">{{name_fault}}"
    "</span>\n{{/name_fault}}"
    "<input type=\"text\" id=\"name\" name=\"name\" value=\"{{name}}\""
    " dir=\"auto\" autocomplete=\"name\"{{^name_optional}} required"
    "{{/name_optional}}{{#name_fault}} aria-invalid=\"true\""
    " aria-describedby=\"name-fault\"{{/name_fault}}></p>\n"
    "<p><label for=\"email\">{{@email}}</label>\n"
    "{{#email_fault}}<span class=\"fault\" id=\"email-fault\">{{email_fault}}"
    "</span>\n{{/email_fault}}"
    "<input type=\"email\" id=\"email\" name=\"email\" value=\"{{email}}\""
    " dir=\"ltr\" autocomplete=\"email\" required{{#email_fault}}"
    " aria-invalid=\"true\" aria-describedby=\"email-fault\"{{/email_fault}}"
    "></p>\n"
    "{{#phone_asked}}"
    "<p><label for=\"phone\">{{@phone}} {{@optional}}</label>\n"
    "<span id=\"phone-hint\">{{@phone_hint}}</span>\n"
    "{{#phone_fault}}<span class=\"fault\" id=\"phone-fault\">{{phone_fault}}"
    "</span>\n{{/phone_fault}}"
    "<input type=\"tel\" id=\"phone\" name=\"phone\" value=\"{{phone}}\""
    " dir=\"ltr\" autocomplete=\"tel\" aria-describedby=\"phone-hint"
    "{{#phone_fault}} phone-fault{{/phone_fault}}\"{{#phone_fault}}"
    " aria-invalid=\"true\"{{/phone_fault}}></p>\n"
    "{{/phone_asked}}"
    "{{#consent_fault}}<p class=\"fault\">{{consent_fault}}</p>\n"
    "{{/consent_fault}}"
    "{{#consent_email}}<p><label><input type=\"checkbox\""
    " name=\"consent_email\" value=\"1\"{{#consent_email_checked}} checked"
    "{{/consent_email_checked}}>"
    " <bdi lang=\"{{consent_email_lang}}\">{{consent_email}}"
    "</bdi></label></p>\n"
    "{{/consent_email}}"
    "{{#consent_sms}}<p><label><input type=\"checkbox\""
    " name=\"consent_sms\" value=\"1\"{{#consent_sms_checked}} checked"
    "{{/consent_sms_checked}}>"
    " <bdi lang=\"{{consent_sms_lang}}\">{{consent_sms}}</bdi></label></p>\n"
    "{{/consent_sms}}"
    "<div class=\"trap\" aria-hidden=\"true\"><label"
    " for=\"website_confirm\">{{@trap}}</label>\n"
    "<input type=\"text\" id=\"website_confirm\" name=\"website_confirm\""
    " tabindex=\"-1\" autocomplete=\"off\"></div>\n"
    "<button>{{@join}}</button>\n"
    "{{#phone_skip}}<button name=\"no_phone\" value=\"1\">{{@phone_skip}}"
    "</button>\n{{/phone_skip}}"
    "</form>\n"
    "<p>{{@kept_by}} {{@kept_by_whom}}</p>\n"
    "<p>{{@kept_for}} {{#days}}{{@kept_days}}{{/days}}"
    "{{^days}}{{@kept_until_asked}}{{/days}}</p>\n"
    "<p>{{@kept_else}} {{@kept_else_what}}</p>\n"
    "{{/closed}}"
    "</main>\n"
    "{{#kept}}{{@languages_form}}{{/kept}}{{^kept}}{{@languages}}{{/kept}}\n"
    "</body>\n"
    "</html>\n"
);


static const ngx_str_t  ngx_keepers_template_thanks = ngx_string(
    "<!doctype html>\n"
    "<html lang=\"{{@language}}\" dir=\"{{@direction}}\">\n"
    "<head>\n"
    "<meta charset=\"utf-8\">\n"
    "<title>{{@thanks_page}}</title>\n"
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
    "\n"
    "<meta name=\"robots\" content=\"noindex\">\n"
    "<style>\n"
    "body { max-width: 30rem; margin: 1.5rem auto; padding: 0 1rem;\n"
    "  font: 1.0625rem/1.5 sans-serif }\n"
    "nav a { display: inline-block; padding: .75rem 0 }\n"
    "</style>\n"
    "</head>\n"
    "<body>\n"
    "<main>\n"
    "<h1>{{@thanks_title}}</h1>\n"
    "<p>{{@thanks_arrived}}</p>\n"
    "{{#meant}}<p>{{@typo}} <a href=\"{{action}}\">{{@typo_again}}</a></p>\n"
    "{{/meant}}"
    "{{#offer}}<p lang=\"{{locale}}\" dir=\"auto\">{{offer}}</p>\n"
    "{{/offer}}"
    "</main>\n"
    "{{@languages}}\n"
    "</body>\n"
    "</html>\n"
);


static const ngx_str_t  ngx_keepers_template_problem = ngx_string(
    "<!doctype html>\n"
    "<html lang=\"{{@language}}\" dir=\"{{@direction}}\">\n"
    "<head>\n"
    "<meta charset=\"utf-8\">\n"
    "<title>{{title}}</title>\n"
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
    "\n"
    "<meta name=\"robots\" content=\"noindex\">\n"
    "<style>\n"
    "body { max-width: 30rem; margin: 1.5rem auto; padding: 0 1rem;\n"
    "  font: 1.0625rem/1.5 sans-serif }\n"
    "nav a { display: inline-block; padding: .75rem 0 }\n"
    "</style>\n"
    "</head>\n"
    "<body>\n"
    "<main>\n"
    "<h1>{{title}}</h1>\n"
    "<p>{{problem}}</p>\n"
    "</main>\n"
    "{{@languages}}\n"
    "</body>\n"
    "</html>\n"
);


ngx_int_t
ngx_keepers_template_builtin(ngx_conf_t *cf, ngx_keepers_main_conf_t *kmcf)
{
    static const ngx_str_t  name = ngx_string("built-in");

    kmcf->link_template = ngx_keepers_template_create(cf, &name,
                                             &ngx_keepers_template_link);
    kmcf->thanks_template = ngx_keepers_template_create(cf, &name,
                                             &ngx_keepers_template_thanks);
    kmcf->problem_template = ngx_keepers_template_create(cf, &name,
                                             &ngx_keepers_template_problem);

    return kmcf->link_template == NULL
           || kmcf->thanks_template == NULL
           || kmcf->problem_template == NULL ? NGX_ERROR : NGX_OK;
}
