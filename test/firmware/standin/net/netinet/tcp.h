/* Stand-in for lwIP's. */
#pragma once
#define TCP_NODELAY 1
