
/*
 * Copyright (C) Keepers
 */

import { showSessions } from "./sessions.js";
import { showTokens } from "./tokens.js";


showSessions();
showTokens();
