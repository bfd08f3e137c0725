/* C's functions of one number, under one name for float and double. Loops over them become vector code where there is an
 * instruction for it (the root, the size); a power is a call. */
#ifndef RN_SCALAR_H
#define RN_SCALAR_H
#include "vec.h"

#define rn_root_f sqrtf
#define rn_root_d sqrt
#define rn_size_f fabsf
#define rn_size_d fabs
#define rn_power_f powf
#define rn_power_d pow
#endif
