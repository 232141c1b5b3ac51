
/*
 * Copyright (C) Keepers
 */


#include "writer/writer_phone.h"

#include <phonenumbers/phonenumberutil.h>

#include <cstring>
#include <string>


int
writer_phone_e164(const char *digits, size_t len, const char *country,
    char *out, size_t size)
{
    using i18n::phonenumbers::PhoneNumber;
    using i18n::phonenumbers::PhoneNumberUtil;

    PhoneNumber             number;
    std::string             text, region;
    const PhoneNumberUtil  *util;

    try {
        util = PhoneNumberUtil::GetInstance();
        text.assign(digits, len);

        /*
         * As in a "tel:" URI: with it, no number is looked for in a text, by
         * regular expressions; there is nothing around this one.
         */
        text.append(";phone-context=x");

        region = country[0] != '\0' ? country : "ZZ";

        if (util->Parse(text, region, &number)
            != PhoneNumberUtil::NO_PARSING_ERROR
            || !util->IsPossibleNumber(number))
        {
            return 0;
        }

        util->Format(number, PhoneNumberUtil::E164, &text);

    } catch (...) {
        return 0;
    }

    if (text.size() >= size) {
        return 0;
    }

    std::memcpy(out, text.c_str(), text.size() + 1);

    return 1;
}
