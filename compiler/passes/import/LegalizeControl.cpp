#include "compiler/passes/import/LegalizeRules.h"
using namespace ingot;
legalize::Table legalize::controlRules() { return {}; }
