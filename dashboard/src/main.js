
/*
 * Copyright (C) Keepers
 */

import { showCustomers } from "./customers.js";
import { showHeld } from "./held.js";
import { showLinks } from "./links.js";
import { showNumbers } from "./numbers.js";


showNumbers();
showCustomers();
showLinks();
showHeld(() => {
    showNumbers();
    showCustomers();
});
