export { __data_end, __heap_base };
