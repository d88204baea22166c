/* Stand-in for lwIP's. */
#pragma once
#define IPPROTO_TCP 6
