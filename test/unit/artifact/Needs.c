/* An object that needs a function no library has. */
extern int someone_elses(void);
int needs(void) { return someone_elses(); }
